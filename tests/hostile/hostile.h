/* A sound library with one block, `Hostile`, and ways to spoil it. A case begins with a comment, its outcome:
 *
 *     error: TEXT      an error that contains TEXT
 *     works            it is built and run
 *     works: same      and the block's output is its input, or twice that, or nothing but NaN
 *     works: doubled
 *     works: nan
 *     adds nothing     the library loads, and the block is not there
 *
 * perhaps with its row on the second line, else [-1, 1, Hostile, []], and ends with one of HOSTILE, BUILD and
 * OPERATION.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "yolo_plugin.h"

#define UNUSED __attribute__((unused))

static yolo_value pass(UNUSED const void *user, const yolo_call *call)
{
    return call->inputs[0];
}

static yolo_param params[1] = {
    { .name = YOLO_STR("k"), .help = YOLO_STR("nothing"), .kind = YOLO_KIND_INT, .optional = 1,
      .default_value = { .kind = YOLO_KIND_INT, .integer = 3 }, .min = 0, .max = 31 },
};

static yolo_block block = {
    .struct_size = sizeof(yolo_block),
    .name = YOLO_STR("Hostile"),
    .help = YOLO_STR("hostile"),
    .params = params,
    .params_len = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .build = pass,
};

static const yolo_block *blocks[2] = { &block, &block };

static yolo_plugin plugin = {
    .abi_version = YOLO_ABI_VERSION,
    .struct_size = sizeof(yolo_plugin),
    .name = YOLO_STR("hostile"),
    .version = YOLO_STR("6.6.6"),
    .blocks = blocks,
    .blocks_len = 1,
};

/* Where no struct may stand. */
#define MISALIGNED(address) ((const void *)((const char *)(address) + 1))

/* The entry: HOSTILE(changes of plugin, blocks, block and params). */
#define HOSTILE(...)                           \
    const yolo_plugin *yolo_plugin_entry(void) \
    {                                          \
        __VA_ARGS__;                           \
        return &plugin;                        \
    }

/* The entry and the head of a build function: BUILD { ... }, with call, host, graph, and x, its input. */
#define BUILD                                                                                     \
    static yolo_value emit(const yolo_call *, const yolo_host *, yolo_graph *, yolo_value);       \
    static yolo_value build(UNUSED const void *user, const yolo_call *call)                       \
    {                                                                                             \
        return emit(call, call->host, call->graph, call->inputs[0]);                              \
    }                                                                                             \
    HOSTILE(block.build = build)                                                                  \
    static yolo_value emit(UNUSED const yolo_call *call, UNUSED const yolo_host *host,            \
                           UNUSED yolo_graph *graph, UNUSED yolo_value x)

/* Heads of functions of an operation: SHAPE { ... }, with call. */
#define SHAPE static uint32_t shape(UNUSED const void *user, yolo_op_call *call)
#define FORWARD static uint32_t forward(UNUSED const void *user, yolo_op_call *call)

UNUSED static uint32_t same_shape(UNUSED const void *user, yolo_op_call *call)
{
    call->output->rank = call->inputs[0].rank;
    memcpy(call->output->shape, call->inputs[0].shape, sizeof call->output->shape);
    return YOLO_STATUS_OK;
}

UNUSED static uint32_t doubled(UNUSED const void *user, yolo_op_call *call)
{
    for (size_t i = 0; i < call->output->len; i++)
        call->output->data[i] = 2.0f * call->inputs[0].data[i];
    return YOLO_STATUS_OK;
}

UNUSED static yolo_op op = {
    .struct_size = sizeof(yolo_op),
    .name = YOLO_STR("twice"),
    .shape = same_shape,
    .forward = doubled,
};

/* The entry, and a block that is an operation that doubles its input: OPERATION(changes of op). */
#define OPERATION(...)                                   \
    BUILD                                                \
    {                                                    \
        __VA_ARGS__;                                     \
        return host->custom(graph, &op, &x, 1, NULL, 0); \
    }

#endif
