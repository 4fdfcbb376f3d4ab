/* The block {{Name}}, as a plugin library:
 *
 *     cc -shared -fPIC -O2 -o {{library}} {{name}}.c
 */
#include "yolo_plugin.h"

/* Convolution NAME.conv, batch norm NAME.bn, ReLU. Names make those of parameters: model.LAYER.NAME.conv.weight, as in a
 * state_dict of PyTorch. */
static yolo_value conv_bn_act(const yolo_call *call, const char *name, yolo_value x, yolo_conv2d conv)
{
    const yolo_host *host = call->host;
    yolo_value y;
    host->push_scope(call->graph, yolo_text(name));
    y = host->conv2d(call->graph, yolo_text("conv"), x, &conv);
    y = host->batch_norm(call->graph, yolo_text("bn"), y);
    host->pop_scope(call->graph);
    return host->activation(call->graph, y, YOLO_ACT_RELU, 0.0);
}

enum { C2, KERNEL, STRIDE, PARAMS };

static const yolo_param params[PARAMS] = {
    [C2] = { .name = YOLO_STR("c2"), .help = YOLO_STR("output channels"), .kind = YOLO_KIND_WIDTH,
             .min = 1, .max = INT64_MAX },
    [KERNEL] = { .name = YOLO_STR("k"), .help = YOLO_STR("kernel of the depthwise convolution, odd"),
                 .kind = YOLO_KIND_INT, .optional = 1, .default_value = { .kind = YOLO_KIND_INT, .integer = 3 },
                 .min = 1, .max = 31 },
    [STRIDE] = { .name = YOLO_STR("s"), .help = YOLO_STR("its stride"), .kind = YOLO_KIND_INT,
                 .optional = 1, .default_value = { .kind = YOLO_KIND_INT, .integer = 1 }, .min = 1, .max = 2 },
};

/* [b, c1, h, w] to [b, c2, h/s, w/s] */
static yolo_value build(const void *user, const yolo_call *call)
{
    yolo_value x = call->inputs[0], y;
    size_t channels = call->host->channels(call->graph, x);
    yolo_conv2d depthwise = yolo_same(channels, yolo_integer(call, KERNEL));
    (void)user;
    if (yolo_integer(call, KERNEL) % 2 == 0)
        return call->host->fail(call->graph, yolo_text("the kernel must be odd"));
    depthwise.stride[0] = depthwise.stride[1] = yolo_integer(call, STRIDE);
    depthwise.groups = channels;
    y = conv_bn_act(call, "dw", x, depthwise);
    return conv_bn_act(call, "pw", y, yolo_same(yolo_integer(call, C2), 1));
}

static const yolo_block block = {
    .struct_size = sizeof(yolo_block),
    .name = YOLO_STR("{{Name}}"),
    .help = YOLO_STR("depthwise, then pointwise convolution"),
    .params = params,
    .params_len = PARAMS,
    .repeat = YOLO_REPEAT_STACK,
    .min_inputs = 1,
    .max_inputs = 1,
    .build = build,
};

static const yolo_block *const blocks[] = { &block };

static const yolo_plugin plugin = {
    .abi_version = YOLO_ABI_VERSION,
    .struct_size = sizeof(yolo_plugin),
    .name = YOLO_STR("{{dashed}}"),
    .version = YOLO_STR("0.1.0"),
    .blocks = blocks,
    .blocks_len = 1,
};

const yolo_plugin *yolo_plugin_entry(void)
{
    return &plugin;
}
