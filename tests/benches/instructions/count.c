/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Counts the instructions that an aarch64 program executes in qemu's user mode, by class, between one read of its standard input
 * and the next: a program that answers lines is counted a line at a time. A plugin of qemu's code generator:
 *
 *     cc -O2 -shared -fPIC count.c -o libcount.so
 *     qemu-aarch64 -plugin ./libcount.so,out=counts.txt PROGRAM
 *
 * Each line of counts.txt has the classes below, in their order. Counters are not atomic: run one thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is used of qemu's plugin interface, version 1, which every qemu since 4.2 understands up to version 9: its header is in no
 * package. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_U64 = 0, NO_REGISTERS = 0 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*f)(uint64_t, struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter, uint64_t value);
extern void qemu_plugin_register_vcpu_syscall_cb(
    uint64_t id, void (*f)(uint64_t, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum class { FMA, FMA16, DOT, MMLA, MLAL, LOAD, STORE, PREFETCH, VECTOR, SVE, SCALAR, CLASSES };
static const char *names[CLASSES] = {
    "fma", "fma16", "dot", "mmla", "mlal", "load", "store", "prefetch", "vector", "sve", "scalar"};
static uint64_t counts[CLASSES], before[CLASSES];
static FILE *out;

/* The first row that fits decides. The encodings are those of Arm's manual, "Data processing: scalar floating-point and advanced
 * SIMD"; the bits that tell sizes, halves, registers, and addition from subtraction are left out of the masks. */
static const struct { uint32_t mask, value; enum class class; } table[] = {
    {0xbf60fc00, 0x0e400c00, FMA16},    /* fmla, fmls: vectors of halves */
    {0xbf20fc00, 0x0e20cc00, FMA},      /* fmla, fmls: vectors */
    {0xbf80b400, 0x0f801000, FMA},      /* … by element */
    {0xff80b400, 0x5f801000, FMA},      /* … scalar, by element */
    {0x9fc0b400, 0x0f001000, FMA16},    /* … of halves, by element */
    {0xbf60fc00, 0x0e20ec00, FMA16},    /* fmlal, fmlsl */
    {0xbf60fc00, 0x2e20cc00, FMA16},    /* fmlal2, fmlsl2 */
    {0xbfc0b400, 0x0f800000, FMA16},    /* fmlal, fmlsl by element */
    {0xbfc0b400, 0x2f808000, FMA16},    /* fmlal2, fmlsl2 by element */
    {0xffc00000, 0x1fc00000, FMA16},    /* fmadd and its like, of halves */
    {0xff000000, 0x1f000000, FMA},      /* fmadd, fmsub, fnmadd, fnmsub */
    {0xbfe0fc00, 0x2e40fc00, DOT},      /* bfdot */
    {0xbfc0f400, 0x0f40f000, DOT},      /* … by element */
    {0xbfe0fc00, 0x2ec0fc00, DOT},      /* bfmlalb, bfmlalt */
    {0xbfc0f400, 0x0fc0f000, DOT},      /* … by element */
    {0x9fe0fc00, 0x0e809400, DOT},      /* sdot, udot */
    {0xbfe0fc00, 0x0e809c00, DOT},      /* usdot */
    {0x9fc0f400, 0x0f80e000, DOT},      /* sdot, udot by element */
    {0xbf40f400, 0x0f00f000, DOT},      /* sudot, usdot by element */
    {0xffe0fc00, 0x6e40ec00, MMLA},     /* bfmmla */
    {0xdfe0fc00, 0x4e80a400, MMLA},     /* smmla, ummla */
    {0xffe0fc00, 0x4e80ac00, MMLA},     /* usmmla */
    {0x9f20dc00, 0x0e208000, MLAL},     /* smlal, smlsl, umlal, umlsl */
    {0x9f20fc00, 0x0e20c000, MLAL},     /* smull, umull */
    {0x9f00b400, 0x0f002000, MLAL},     /* smlal, smlsl, … by element */
    {0x9f00f400, 0x0f00a000, MLAL},     /* smull, umull by element */
    {0x9f20fc00, 0x0e209400, MLAL},     /* mla, mls */
    {0xbf00b400, 0x2f000000, MLAL},     /* mla, mls by element */
    {0xffc00000, 0xf9800000, PREFETCH}, /* prfm */
    {0xffe00c00, 0xf8a00800, PREFETCH}, /* prfm, register */
    {0xffe00c00, 0xf8800000, PREFETCH}, /* prfum */
    {0x3b000000, 0x18000000, LOAD},     /* ldr of a constant */
    {0x0a400000, 0x08400000, LOAD},     /* bit 22 is a load in all other forms but … */
    {0x3f800000, 0x38800000, LOAD},     /* … ldrsb and its like, whose bit 23 is set */
    {0x3f800000, 0x39800000, LOAD},
    {0x0a000000, 0x08000000, STORE},    /* the rest of loads and stores */
    {0x0e000000, 0x0e000000, VECTOR},   /* the rest of vectors and floats */
    {0x1e000000, 0x04000000, SVE},
    {0x00000000, 0x00000000, SCALAR},
};

static enum class classify(uint32_t word) {
    size_t i = 0;
    while ((word & table[i].mask) != table[i].value) i++;
    return table[i].class;
}

/* A block of instructions is translated once and then executed many times: it adds to each class when it is entered. */
static void translated(uint64_t id, struct qemu_plugin_tb *tb) {
    uint64_t found[CLASSES] = {0};
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        uint32_t word;
        memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), sizeof word);
        found[classify(word)]++;
    }
    for (int i = 0; i < CLASSES; i++)
        if (found[i]) qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &counts[i], found[i]);
}

static void called(uint64_t id, unsigned cpu, int64_t number, uint64_t file, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                   uint64_t a6, uint64_t a7, uint64_t a8) {
    enum { READ = 63 };
    if (number != READ || file != STDIN_FILENO) return;
    for (int i = 0; i < CLASSES; i++)
        fprintf(out, "%s%llu", i ? " " : "", (unsigned long long)(counts[i] - before[i]));
    fputc('\n', out);
    fflush(out);
    memcpy(before, counts, sizeof counts);
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    const char *file = argc == 1 && !strncmp(argv[0], "out=", 4) ? argv[0] + 4 : "/dev/stderr";
    if (!(out = fopen(file, "w"))) return perror(file), 1;
    for (int i = 0; i < CLASSES; i++) fprintf(out, "%s%s", i ? " " : "", names[i]);
    fputc('\n', out);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
