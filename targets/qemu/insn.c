/* SPDX-License-Identifier: Apache-2.0
 *
 * QEMU plugin: writes the number of instructions executed so far each time the instruction at
 * `mark` is about to be executed, one decimal number a line.
 *
 *     qemu-system-arm ... -plugin insn.so,mark=ADDRESS,out=FILE
 *
 * For plugin API 1 (QEMU 4.2 to 8). Distributions ship no qemu-plugin.h, hence the declarations.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0, QEMU_PLUGIN_CB_NO_REGS = 0 };

typedef void translate_callback(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void execute_callback(unsigned int cpu, void *data);
typedef void exit_callback(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_callback *callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_callback *callback, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            execute_callback *callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, int op,
                                                void *counter, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

/* QEMU offers callbacks no context of their own at translation, so the state is global. */
static uint64_t executed;
static uint64_t mark;
static FILE *snapshots;

static void on_mark(unsigned int cpu, void *data) {
    (void)cpu;
    (void)data;
    fprintf(snapshots, "%" PRIu64 "\n", executed);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    const size_t instructions = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        if (qemu_plugin_insn_vaddr(instruction) == mark) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, QEMU_PLUGIN_CB_NO_REGS,
                                                   NULL);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                                   &executed, 1);
    }
}

static void on_exit_flush(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    fclose(snapshots);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
                               char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "mark=", 5) == 0) {
            mark = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            snapshots = fopen(argv[i] + 4, "w");
        }
    }
    if (snapshots == NULL) {
        fprintf(stderr, "edge: the plugin needs mark=ADDRESS and out=FILE\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_exit_flush, NULL);
    return 0;
}
