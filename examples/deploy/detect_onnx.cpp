// SPDX-License-Identifier: GPL-3.0-or-later
/*
Detects the objects of a photograph with an ONNX file, in ONNX Runtime 1.13 or newer. ORT is the unpacked archive of one of its
releases, with folders include and lib; OpenCV reads the photograph.

    sudo apt install g++ libopencv-dev
    g++ -O2 -std=c++17 detect_onnx.cpp -o detect_onnx -I$ORT/include -L$ORT/lib -Wl,-rpath,$ORT/lib -lonnxruntime \
        -I/usr/include/opencv4 -lopencv_imgcodecs -lopencv_imgproc -lopencv_core
    ./detect_onnx yolov5s.onnx photo.jpg

Prints a line for each object, best first: class, confidence, and left, top, right, bottom in pixels of the photograph.
*/

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <onnxruntime_cxx_api.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

const float CONFIDENCE = 0.25f, IOU = 0.45f;

struct Object {
    float left, top, right, bottom, confidence;
    int number;

    float area() const { return (right - left) * (bottom - top); }

    float iou(const Object &other) const {
        float w = std::min(right, other.right) - std::max(left, other.left);
        float h = std::min(bottom, other.bottom) - std::max(top, other.top);
        float shared = std::max(w, 0.f) * std::max(h, 0.f);
        return shared / (area() + other.area() - shared);
    }
};

// The photograph scaled into the network's input and centred on grey, red, green, blue.
cv::Mat letterbox(const cv::Mat &photo, int width, int height) {
    double gain = std::min(double(width) / photo.cols, double(height) / photo.rows);
    int w = std::lrint(photo.cols * gain), h = std::lrint(photo.rows * gain);
    // An odd pixel of padding goes to the right and to the bottom.
    int left = (width - w) / 2, top = (height - h) / 2;
    cv::Mat boxed(height, width, CV_8UC3, cv::Scalar(114, 114, 114));
    cv::resize(photo, boxed(cv::Rect(left, top, w, h)), cv::Size(w, h), 0, 0, cv::INTER_LINEAR);
    cv::cvtColor(boxed, boxed, cv::COLOR_BGR2RGB);
    return boxed;
}

// The objects that rows of x, y, width, height, objectness, classes tell of, best first.
std::vector<Object> detections(const float *row, size_t rows, size_t columns) {
    std::vector<Object> found, kept;
    for (size_t i = 0; i < rows; i++, row += columns) {
        const float *best = std::max_element(row + 5, row + columns);
        float confidence = row[4] * *best, w = row[2] / 2, h = row[3] / 2;
        if (confidence > CONFIDENCE)
            found.push_back({row[0] - w, row[1] - h, row[0] + w, row[1] + h, confidence, int(best - row - 5)});
    }
    std::stable_sort(found.begin(), found.end(), [](auto &a, auto &b) { return a.confidence > b.confidence; });
    for (const Object &one : found) {
        auto covers = [&](const Object &better) { return better.number == one.number && better.iou(one) > IOU; };
        if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(one);
    }
    return kept;
}

// The strings of a Python dictionary such as {0: 'person', 1: 'bicycle'}, which the file has in its metadata.
std::vector<std::string> strings(const std::string &text) {
    std::vector<std::string> found;
    for (size_t i = 0; i < text.size(); i++) {
        char quote = text[i];
        if (quote != '\'' && quote != '"') continue;
        found.emplace_back();
        while (++i < text.size() && text[i] != quote) found.back() += text[i] == '\\' ? text[++i] : text[i];
    }
    return found;
}

int detect(const char *model, const char *file) {
    Ort::Env env;
    Ort::Session session(env, model, Ort::SessionOptions());
    Ort::AllocatorWithDefaultOptions memory;
    auto input = session.GetInputNameAllocated(0, memory), output = session.GetOutputNameAllocated(0, memory);
    auto metadata = session.GetModelMetadata().LookupCustomMetadataMapAllocated("names", memory);
    std::vector<std::string> names = strings(metadata ? metadata.get() : "");
    std::vector<int64_t> shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
    // Sizes that --dynamic left free are below zero.
    for (size_t axis = 0; axis < shape.size(); axis++)
        if (shape[axis] < 0) shape[axis] = axis == 0 ? 1 : 640;
    int height = shape.at(2), width = shape.at(3);

    cv::Mat photo = cv::imread(file);
    if (photo.empty()) return std::fprintf(stderr, "%s: no image\n", file), 1;
    cv::Mat boxed = letterbox(photo, width, height);
    // From pixels of three colours to one plane a colour, 0 to 1.
    std::vector<float> planes(3 * size_t(height) * width);
    std::vector<cv::Mat> colours;
    for (int c = 0; c < 3; c++) colours.emplace_back(height, width, CV_32F, &planes[size_t(c) * height * width]);
    boxed.convertTo(boxed, CV_32F, 1 / 255.0);
    cv::split(boxed, colours);

    auto cpu = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    auto images = Ort::Value::CreateTensor<float>(cpu, planes.data(), planes.size(), shape.data(), shape.size());
    const char *inputs[] = {input.get()}, *outputs[] = {output.get()};
    auto results = session.Run(Ort::RunOptions(), inputs, &images, 1, outputs, 1);
    auto rows = results[0].GetTensorTypeAndShapeInfo().GetShape();
    if (rows.size() != 3) return std::fprintf(stderr, "%s: export without --raw and without --nms\n", model), 1;

    // Boxes go back to the photograph as in YOLOv5: less the padding, before it was rounded, and enlarged.
    float gain = std::min(float(width) / photo.cols, float(height) / photo.rows);
    float pad_x = (width - photo.cols * gain) / 2, pad_y = (height - photo.rows * gain) / 2;
    auto x = [&](float value) { return std::clamp((value - pad_x) / gain, 0.f, float(photo.cols)); };
    auto y = [&](float value) { return std::clamp((value - pad_y) / gain, 0.f, float(photo.rows)); };
    for (const Object &one : detections(results[0].GetTensorData<float>(), rows[1], rows[2])) {
        std::string name = one.number < int(names.size()) ? names[one.number] : std::to_string(one.number);
        float left = x(one.left), top = y(one.top), right = x(one.right), bottom = y(one.bottom);
        std::printf("%s %.3f %.1f %.1f %.1f %.1f\n", name.c_str(), one.confidence, left, top, right, bottom);
    }
    return 0;
}

int main(int count, char **words) {
    if (count != 3) return std::fprintf(stderr, "usage: detect_onnx MODEL.onnx PHOTOGRAPH\n"), 2;
    try {
        return detect(words[1], words[2]);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
