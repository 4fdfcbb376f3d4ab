// SPDX-License-Identifier: GPL-3.0-or-later
/*
Detects the objects of a photograph with an ncnn model. NCNN is where ncnn is installed, with folders include and lib; OpenCV reads
the photograph.

    sudo apt install g++ libopencv-dev
    g++ -O2 -std=c++17 -fopenmp detect_ncnn.cpp -o detect_ncnn -I$NCNN/include -L$NCNN/lib -lncnn \
        -I/usr/include/opencv4 -lopencv_imgcodecs -lopencv_imgproc -lopencv_core
    ./detect_ncnn yolov5s.ncnn.param photo.jpg

yolov5s.ncnn.bin lies beside the first file, and yolov5s.ncnn.names, a class name a line; without it classes are numbers.

Prints a line for each object, best first: class, confidence, and left, top, right, bottom in pixels of the photograph.
*/

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <ncnn/net.h>
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

int fail(const std::string &file, const char *why) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), why);
    return 1;
}

int main(int count, char **words) {
    if (count != 3) return fail("usage", "detect_ncnn MODEL.ncnn.param PHOTOGRAPH");
    std::string model = words[1], stem = model.substr(0, model.rfind('.'));
    ncnn::Net net;
    if (net.load_param(model.c_str()) || net.load_model((stem + ".bin").c_str()))
        return fail(model, "cannot be read, or the file .bin beside it");
    // The layer of the input has the size that the boxes are for: 0=WIDTH 1=HEIGHT.
    int width = 0, height = 0;
    std::ifstream layers(model), lines(stem + ".names");
    for (std::string line; std::getline(layers, line) && height == 0;)
        std::sscanf(line.c_str(), "Input %*s %*s %*s %*s 0=%d 1=%d", &width, &height);
    if (width <= 0 || height <= 0) return fail(model, "its Input line has no size: export without --raw, or write 0=WIDTH 1=HEIGHT there");
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) names.push_back(line);

    cv::Mat photo = cv::imread(words[2]);
    if (photo.empty()) return fail(words[2], "no image");
    cv::Mat boxed = letterbox(photo, width, height);
    ncnn::Mat images = ncnn::Mat::from_pixels(boxed.data, ncnn::Mat::PIXEL_RGB, width, height);
    const float scale[] = {1 / 255.f, 1 / 255.f, 1 / 255.f};
    images.substract_mean_normalize(nullptr, scale);

    ncnn::Mat rows;
    ncnn::Extractor extractor = net.create_extractor();
    extractor.input("in0", images);
    if (extractor.extract("out0", rows) || rows.dims != 2)
        return fail(model, "has no decoded boxes: export without --raw");

    // Boxes go back to the photograph as in YOLOv5: less the padding, before it was rounded, and enlarged.
    float gain = std::min(float(width) / photo.cols, float(height) / photo.rows);
    float pad_x = (width - photo.cols * gain) / 2, pad_y = (height - photo.rows * gain) / 2;
    auto x = [&](float value) { return std::clamp((value - pad_x) / gain, 0.f, float(photo.cols)); };
    auto y = [&](float value) { return std::clamp((value - pad_y) / gain, 0.f, float(photo.rows)); };
    for (const Object &one : detections(rows, rows.h, rows.w)) {
        std::string name = one.number < int(names.size()) ? names[one.number] : std::to_string(one.number);
        float left = x(one.left), top = y(one.top), right = x(one.right), bottom = y(one.bottom);
        std::printf("%s %.3f %.1f %.1f %.1f %.1f\n", name.c_str(), one.confidence, left, top, right, bottom);
    }
    return 0;
}
