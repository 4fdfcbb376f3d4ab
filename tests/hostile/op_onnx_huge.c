/* error: `twice` has no readable ONNX operator */
#include "hostile.h"

OPERATION(op.onnx = yolo_text("Abs"), op.onnx.len = SIZE_MAX)
