/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * PP-LCNet (Cui et al., arXiv:2109.15099) for YOLOv5, as a plugin library. In this folder:
 *
 *     cc -shared -fPIC -O2 -I ../../api/include -o libpplcnet.so pplcnet.c
 */
#include "yolo_plugin.h"

/* Convolution NAME.conv without bias, batch norm NAME.bn, hard swish. */
static yolo_value conv_bn_act(const yolo_call *call, const char *name, yolo_value x, yolo_conv2d conv)
{
    const yolo_host *host = call->host;
    yolo_graph *graph = call->graph;
    host->push_scope(graph, yolo_text(name));
    yolo_value y = host->conv2d(graph, yolo_text("conv"), x, &conv);
    y = host->batch_norm(graph, yolo_text("bn"), y);
    host->pop_scope(graph);
    return host->activation(graph, y, YOLO_ACT_HARD_SWISH, 0.0);
}

/* Squeeze and excite: every channel times a weight found from all channels' means, by way of a quarter of them. */
static yolo_value squeeze_excite(const yolo_call *call, yolo_value x)
{
    const yolo_host *host = call->host;
    yolo_graph *graph = call->graph;
    size_t channels = host->channels(graph, x);
    yolo_conv2d squeeze = yolo_same(channels / 4, 1);
    yolo_conv2d excite = yolo_same(channels, 1);
    squeeze.bias = excite.bias = 1;
    yolo_value y = host->global_pool(graph, x, YOLO_POOL_AVERAGE);
    y = host->conv2d(graph, yolo_text("se.conv1"), y, &squeeze);
    y = host->activation(graph, y, YOLO_ACT_RELU, 0.0);
    y = host->conv2d(graph, yolo_text("se.conv2"), y, &excite);
    y = host->activation(graph, y, YOLO_ACT_HARD_SIGMOID, 0.0);
    return host->mul(graph, x, y);
}

enum { C2, KERNEL, STRIDE, SE, PARAMS };

static const yolo_param params[PARAMS] = {
    [C2] = { .name = YOLO_STR("c2"), .help = YOLO_STR("output channels"), .kind = YOLO_KIND_WIDTH,
             .min = 1, .max = INT64_MAX },
    [KERNEL] = { .name = YOLO_STR("k"), .help = YOLO_STR("kernel of the depthwise convolution, odd"),
                 .kind = YOLO_KIND_INT, .optional = 1, .default_value = { .kind = YOLO_KIND_INT, .integer = 3 },
                 .min = 1, .max = 31 },
    [STRIDE] = { .name = YOLO_STR("s"), .help = YOLO_STR("its stride"), .kind = YOLO_KIND_INT,
                 .optional = 1, .default_value = { .kind = YOLO_KIND_INT, .integer = 1 }, .min = 1, .max = 2 },
    [SE] = { .name = YOLO_STR("se"), .help = YOLO_STR("squeeze and excite between the convolutions"),
             .kind = YOLO_KIND_BOOL, .optional = 1, .default_value = { .kind = YOLO_KIND_BOOL } },
};

/* [b, c, h, w] to [b, c2, h/s, w/s] */
static yolo_value build(const void *user, const yolo_call *call)
{
    (void)user;
    yolo_value x = call->inputs[0];
    size_t channels = call->host->channels(call->graph, x);
    if (yolo_integer(call, KERNEL) % 2 == 0)
        return call->host->fail(call->graph, yolo_text("the kernel must be odd"));
    yolo_conv2d depthwise = yolo_same(channels, yolo_integer(call, KERNEL));
    depthwise.stride[0] = depthwise.stride[1] = yolo_integer(call, STRIDE);
    depthwise.groups = channels;
    yolo_value y = conv_bn_act(call, "dw_conv", x, depthwise);
    if (yolo_integer(call, SE))
        y = squeeze_excite(call, y);
    return conv_bn_act(call, "pw_conv", y, yolo_same(yolo_integer(call, C2), 1));
}

static const yolo_block lcnet_block = {
    .struct_size = sizeof(yolo_block),
    .name = YOLO_STR("LCNet_Block"),
    .help = YOLO_STR("depthwise, squeeze and excite, pointwise"),
    .params = params,
    .params_len = PARAMS,
    .repeat = YOLO_REPEAT_STACK,
    .min_inputs = 1,
    .max_inputs = 1,
    .build = build,
};

static const yolo_block *const blocks[] = { &lcnet_block };

static const yolo_plugin plugin = {
    .abi_version = YOLO_ABI_VERSION,
    .struct_size = sizeof(yolo_plugin),
    .name = YOLO_STR("pplcnet"),
    .version = YOLO_STR("0.1.0"),
    .blocks = blocks,
    .blocks_len = 1,
};

const yolo_plugin *yolo_plugin_entry(void)
{
    return &plugin;
}
