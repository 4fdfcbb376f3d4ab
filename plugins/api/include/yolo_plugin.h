/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Blocks for the yolo program, from a dynamic library.
 *
 * A library exports one function, yolo_plugin_entry, which describes its blocks. A block describes itself: its build
 * function calls the host's table to emit operations, and the host infers shapes, names and fills parameters, counts,
 * runs and trains. No tensor is ever seen here.
 *
 *     cc -shared -fPIC -O2 -o libmine.so mine.c
 *     yolo --plugin libmine.so blocks
 *
 * Errors: no function of the table returns one. The first failure sticks to the graph, every later call does nothing and
 * returns YOLO_NONE, and the host reports the first with the model's file, the layer, the library and the block. A block
 * checks nothing, and tells with `fail` what it finds wrong itself.
 *
 * Memory: everything that is passed to a plugin is the host's and lives until the function returns. What a plugin describes
 * itself with (yolo_plugin, yolo_block, yolo_param, yolo_op and their texts) is static and never changes: a library stays
 * loaded as long as the process.
 *
 * Threads: `build` calls the host from the thread that it was called on, and before it returns. A graph that is used otherwise
 * is an error. The functions of a yolo_op may be called on any thread, and do not call the host.
 *
 * Versions: what may grow starts with its size, and fields are only ever appended; a host that is older than the plugin has a
 * smaller table (yolo_host.struct_size). yolo_str, yolo_value, yolo_arg, yolo_param, yolo_conv2d, yolo_pool2d, yolo_init and
 * yolo_tensor stay as they are.
 *
 * What nobody can guard against: a library runs as part of the program. It can crash it, end it, or never return. An exception
 * of C++ must not leave a function, and a Rust panic must not, which the crate yolo-plugin sees to.
 */
#ifndef YOLO_PLUGIN_H
#define YOLO_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when something existing changes its meaning; appended fields do not count. */
#define YOLO_ABI_VERSION 1u

/* UTF-8 text, not terminated. */
typedef struct yolo_str {
    const char *data;
    size_t len; /* in bytes */
} yolo_str;

/* The text of a literal, for static data. */
#define YOLO_STR(literal) { literal, sizeof(literal) - 1 }

/* A graph under construction, the host's. */
typedef struct yolo_graph yolo_graph;

/* One tensor of the graph. YOLO_NONE is what a failed call returns; every call that receives it returns it again. */
typedef uint64_t yolo_value;
#define YOLO_NONE ((yolo_value)0)

/* What `status` and the functions of a yolo_op return. */
#define YOLO_STATUS_OK 0u
#define YOLO_STATUS_ERROR 1u     /* the block or operation reports an error of its own */
#define YOLO_STATUS_SHAPE 2u     /* an operation does not fit its inputs */
#define YOLO_STATUS_MISUSE 3u    /* a call that no correct plugin makes */
#define YOLO_STATUS_TOO_LARGE 4u /* more than the host allows */

/* ---- Arguments ------------------------------------------------------------------------------------------------------- */

/* yolo_arg.kind and yolo_param.kind: which field holds the argument. */
#define YOLO_KIND_NONE 0u   /* None in YAML */
#define YOLO_KIND_WIDTH 1u  /* output channels; width_multiple scales the first of a block's widths, unless it equals the
                               channels of Detect's outputs; as an argument, an integer */
#define YOLO_KIND_INT 2u
#define YOLO_KIND_BOOL 3u   /* 1 or 0, in `integer` */
#define YOLO_KIND_FLOAT 4u
#define YOLO_KIND_CHOICE 5u /* one of a few words */
#define YOLO_KIND_INTS 6u   /* a list of integers; one integer is a list of one */
#define YOLO_KIND_ACTIVATION 7u /* a YOLO_ACT_ in `integer`, its parameter in `number`; none comes as YOLO_KIND_NONE. In
                                   YAML True, which is YOLO_ACT_CONV, False, or a module such as nn.ReLU() */

/* One argument, checked by the host against its yolo_param. */
typedef struct yolo_arg {
    uint32_t kind;
    int64_t integer; /* for width, int and bool */
    double number;   /* for float */
    yolo_str text;   /* for choice */
    const int64_t *ints;
    size_t ints_len;
} yolo_arg;

/* One positional argument of a block, as written in YAML. */
typedef struct yolo_param {
    yolo_str name;
    yolo_str help;           /* one line */
    uint32_t kind;
    uint32_t optional;       /* 1: may be left out or None, and is then default_value */
    yolo_arg default_value;
    int64_t min;             /* smallest and largest integer allowed (in lists, each element): set both, since 0 and 0 */
    int64_t max;             /* allow nothing but 0; INT64_MAX where there is no limit but the host's, 2^20 */
    const yolo_str *choices; /* the words of a choice */
    size_t choices_len;
} yolo_param;

/* ---- Operations ------------------------------------------------------------------------------------------------------ */

/* A convolution; pairs are height, width. */
typedef struct yolo_conv2d {
    size_t out_channels;
    size_t kernel[2];
    size_t stride[2];
    size_t padding[2];  /* zeros on both sides */
    size_t dilation[2];
    size_t groups;
    uint32_t bias;      /* 1: adds NAME.bias */
} yolo_conv2d;

/* A pooling window; pairs are height, width. */
typedef struct yolo_pool2d {
    size_t kernel[2];
    size_t stride[2];
    size_t padding[2];  /* minus infinity for the maximum, zeros that count for the average */
    size_t dilation[2];
    uint32_t ceil_mode; /* 1: the last window may reach over the border */
} yolo_pool2d;

#define YOLO_INIT_CONSTANT 0u /* every element a */
#define YOLO_INIT_UNIFORM 1u  /* in [a, b) */
#define YOLO_INIT_NORMAL 2u   /* mean a, standard deviation b */

/* How a new parameter is filled. */
typedef struct yolo_init {
    uint32_t kind;
    double a;
    double b;
} yolo_init;

#define YOLO_ACT_RELU 0u
#define YOLO_ACT_RELU6 1u
#define YOLO_ACT_LEAKY_RELU 2u   /* parameter: the slope below zero */
#define YOLO_ACT_SILU 3u         /* x sigmoid(x) */
#define YOLO_ACT_SIGMOID 4u
#define YOLO_ACT_HARD_SIGMOID 5u /* relu6(x + 3) / 6 */
#define YOLO_ACT_HARD_SWISH 6u   /* x relu6(x + 3) / 6 */
#define YOLO_ACT_TANH 7u
#define YOLO_ACT_MISH 8u
#define YOLO_ACT_CONV 9u         /* of YOLOv5's Conv: SiLU, unless the model file's key `activation` says otherwise */

#define YOLO_POOL_MAX 0u
#define YOLO_POOL_AVERAGE 1u

#define YOLO_UPSAMPLE_NEAREST 0u
#define YOLO_UPSAMPLE_BILINEAR 1u /* corners not aligned */

#define YOLO_ORDER_ROWS 0u    /* output channel (dy s + dx) C + c, as YOLOv5's Contract and Expand */
#define YOLO_ORDER_COLUMNS 1u /* output channel (dx s + dy) C + c, as YOLOv5's Focus */

/* ---- An operation of a plugin's own ---------------------------------------------------------------------------------- */

#define YOLO_MAX_RANK 8

/* A tensor in memory: row-major, contiguous, the host's. */
typedef struct yolo_tensor {
    size_t rank;
    size_t shape[YOLO_MAX_RANK];
    float *data; /* NULL where there are no elements to read or write */
    size_t len;  /* number of elements */
} yolo_tensor;

/* What a function of a yolo_op is called with. */
typedef struct yolo_op_call {
    size_t struct_size;
    const double *attributes;       /* the numbers passed to `custom` */
    size_t attributes_len;
    const yolo_tensor *inputs;      /* only to be read; `shape` sees them without elements */
    size_t inputs_len;
    yolo_tensor *output;            /* `shape` sets rank and sizes, `forward` every element, `backward` reads both */
    const yolo_tensor *grad_output; /* `backward` reads it; else NULL */
    const yolo_tensor *grad_inputs; /* `backward` writes them, one an input, zero so far; without elements: not wanted */
    char *message;                  /* room for the text of an error, ended by a zero */
    size_t message_len;
} yolo_op_call;

/* Returns a status. The same inputs must give the same result. */
typedef uint32_t (*yolo_op_function)(const void *user, yolo_op_call *call);

/* An operation for arithmetic that the table lacks, on f32 buffers. */
typedef struct yolo_op {
    size_t struct_size;
    yolo_str name;
    yolo_str onnx;             /* the operator of ONNX's own domain that computes the same from the same inputs, without
                                  attributes; without it a model with this operation cannot be exported */
    yolo_op_function shape;
    yolo_op_function forward;
    yolo_op_function backward; /* may be NULL: then a model with this operation cannot be trained */
    const void *user;
} yolo_op;

/* ---- The host's table ------------------------------------------------------------------------------------------------ */

/* Tensors are [batch, channels, height, width] unless a block reshapes them. Batch, height and width vary from run to run.
 * Names make those of parameters: "branch2.5" in layer 2 makes model.2.branch2.5.weight, as in PyTorch's state_dict. */
typedef struct yolo_host {
    uint32_t abi_version;
    size_t struct_size;
    /* Reports what is wrong with the block's arguments or inputs; the first report sticks. Returns no tensor. */
    yolo_value (*fail)(yolo_graph *graph, yolo_str message);
    /* Opens a scope: names that follow get the prefix NAME., until pop_scope. */
    void (*push_scope)(yolo_graph *graph, yolo_str name);
    /* Closes the innermost scope. */
    void (*pop_scope)(yolo_graph *graph);
    /* Channels: the size of the second axis; 0 for no tensor. */
    size_t (*channels)(yolo_graph *graph, yolo_value x);
    /* A trainable parameter as a tensor. Its shape must not depend on height and width. */
    yolo_value (*parameter)(yolo_graph *graph, yolo_str name, const size_t *shape, size_t rank, yolo_init init);
    /* Convolution; parameters NAME.weight and, if it has one, NAME.bias. */
    yolo_value (*conv2d)(yolo_graph *graph, yolo_str name, yolo_value x, const yolo_conv2d *conv);
    /* Batch normalisation over channels, eps 1e-3 and momentum 0.03 as everywhere in YOLOv5; parameters and buffers
     * NAME.weight, .bias, .running_mean, .running_var and .num_batches_tracked. */
    yolo_value (*batch_norm)(yolo_graph *graph, yolo_str name, yolo_value x);
    /* Linear map of the last axis; parameters NAME.weight and, if bias is true, NAME.bias. */
    yolo_value (*linear)(yolo_graph *graph, yolo_str name, yolo_value x, size_t features, uint32_t bias);
    /* An activation. */
    yolo_value (*activation)(yolo_graph *graph, yolo_value x, uint32_t act, double parameter);
    /* A pooling window. */
    yolo_value (*pool2d)(yolo_graph *graph, yolo_value x, uint32_t pool, const yolo_pool2d *window);
    /* Pooling over height and width, which become 1. */
    yolo_value (*global_pool)(yolo_graph *graph, yolo_value x, uint32_t pool);
    /* A border of a constant: left, right, top, bottom. */
    yolo_value (*pad)(yolo_graph *graph, yolo_value x, const size_t *border, double constant);
    /* Sum, with broadcasting. */
    yolo_value (*add)(yolo_graph *graph, yolo_value a, yolo_value b);
    /* Product, with broadcasting. */
    yolo_value (*mul)(yolo_graph *graph, yolo_value a, yolo_value b);
    /* x factor + offset */
    yolo_value (*affine)(yolo_graph *graph, yolo_value x, double factor, double offset);
    /* Tensors joined along an axis; 1 is that of the channels. */
    yolo_value (*concat)(yolo_graph *graph, const yolo_value *tensors, size_t len, size_t axis);
    /* So many elements of an axis, from a first one on. */
    yolo_value (*slice)(yolo_graph *graph, yolo_value x, size_t axis, size_t start, size_t length);
    /* ShuffleNet's channel shuffle: channel i (C / groups) + j becomes j groups + i. */
    yolo_value (*channel_shuffle)(yolo_graph *graph, yolo_value x, size_t groups);
    /* Height and width times a whole number. */
    yolo_value (*upsample)(yolo_graph *graph, yolo_value x, size_t scale, uint32_t mode);
    /* Blocks of size x size pixels to channels: [b, c, h, w] to [b, c size size, h / size, w / size]. */
    yolo_value (*space_to_depth)(yolo_graph *graph, yolo_value x, size_t size, uint32_t order);
    /* The inverse of space_to_depth. */
    yolo_value (*depth_to_space)(yolo_graph *graph, yolo_value x, size_t size, uint32_t order);
    /* Product of the last two axes; a matrix on the right serves every batch. */
    yolo_value (*matmul)(yolo_graph *graph, yolo_value a, yolo_value b);
    /* Softmax along an axis. */
    yolo_value (*softmax)(yolo_graph *graph, yolo_value x, size_t axis);
    /* New shape: a size, 0 to keep the axis of the same position, -1 (once) for what is left. */
    yolo_value (*reshape)(yolo_graph *graph, yolo_value x, const int64_t *shape, size_t rank);
    /* Two axes exchanged. */
    yolo_value (*transpose)(yolo_graph *graph, yolo_value x, size_t a, size_t b);
    /* [b, c, h w] to [b, c, h, w], height and width taken from another tensor. */
    yolo_value (*unflatten_like)(yolo_graph *graph, yolo_value x, yolo_value like);
    /* Whether a call has failed so far, as a status. No block needs it, but one that emits very much can stop early. */
    uint32_t (*status)(yolo_graph *graph);
    /* What failed first; empty when nothing did. It lives until build returns. */
    yolo_str (*message)(yolo_graph *graph);
    /* An operation of the plugin's own on some tensors, with so many numbers that stay the same in every run. */
    yolo_value (*custom)(yolo_graph *graph, const yolo_op *op, const yolo_value *inputs, size_t inputs_len,
                         const double *attributes, size_t attributes_len);
    /* Layer normalisation over the channels of each pixel, as ConvNeXt's LayerNorm2d, with an eps above 0; parameters
     * NAME.weight and NAME.bias. */
    yolo_value (*layer_norm)(yolo_graph *graph, yolo_str name, yolo_value x, double eps);
} yolo_host;

/* ---- Blocks ---------------------------------------------------------------------------------------------------------- */

#define YOLO_REPEAT_STACK 0u    /* the host stacks number x depth_multiple copies */
#define YOLO_REPEAT_ARGUMENT 1u /* the count is handed to `build` */

/* What `build` is called with. */
typedef struct yolo_call {
    size_t struct_size;
    const yolo_host *host;
    yolo_graph *graph;        /* what to pass first to each function */
    const yolo_value *inputs; /* the layers named by `from` */
    size_t inputs_len;
    const yolo_arg *args;     /* one for each parameter, defaults filled in */
    size_t args_len;
    size_t repeat;            /* how often to repeat the inner part (YOLO_REPEAT_ARGUMENT); else 1 */
} yolo_call;

/* A block. */
typedef struct yolo_block {
    size_t struct_size;
    yolo_str name;           /* as in YAML */
    yolo_str help;           /* one line */
    const yolo_param *params;
    size_t params_len;
    uint32_t repeat;
    size_t min_inputs;       /* fewest and most layers in `from` */
    size_t max_inputs;
    yolo_value (*build)(const void *user, const yolo_call *call); /* emits it, returns its output */
    const void *user;        /* handed to `build` */
} yolo_block;

/* A library. */
typedef struct yolo_plugin {
    uint32_t abi_version;
    size_t struct_size;
    yolo_str name;
    yolo_str version;
    const yolo_block *const *blocks;
    size_t blocks_len;
} yolo_plugin;

#if defined(_WIN32)
#define YOLO_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define YOLO_EXPORT __attribute__((visibility("default")))
#else
#define YOLO_EXPORT
#endif

/* The one function that a library defines; NULL when it cannot be used. */
YOLO_EXPORT const yolo_plugin *yolo_plugin_entry(void);

/* ---- Shorthands ------------------------------------------------------------------------------------------------------ */

/* The text of a C string. */
static inline yolo_str yolo_text(const char *text)
{
    yolo_str str;
    str.data = text;
    str.len = strlen(text);
    return str;
}

/* A square kernel, stride 1, padded so that the size stays (odd kernels), no bias; change the fields that differ. */
static inline yolo_conv2d yolo_same(size_t out_channels, size_t kernel)
{
    yolo_conv2d conv;
    conv.out_channels = out_channels;
    conv.kernel[0] = conv.kernel[1] = kernel;
    conv.stride[0] = conv.stride[1] = 1;
    conv.padding[0] = conv.padding[1] = kernel / 2;
    conv.dilation[0] = conv.dilation[1] = 1;
    conv.groups = 1;
    conv.bias = 0;
    return conv;
}

/* A width, integer or truth value among the arguments. */
static inline size_t yolo_integer(const yolo_call *call, size_t index)
{
    return (size_t)call->args[index].integer;
}

#ifdef __cplusplus
}
#endif

#endif
