/* error: custom operation `twice` has no readable name of an ONNX operator */
#include "hostile.h"

OPERATION(op.onnx = yolo_text("Abs"), op.onnx.len = SIZE_MAX)
