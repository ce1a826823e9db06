/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard of mpu_v7.c for cores with the Armv8-M memory protection unit, whose regions have any
 * length that is a multiple of 32 bytes and must not overlap.
 * Armv8-M Architecture Reference Manual (DDI 0553), section B11 (PMSAv8).
 */
#include "board.h"

#if __ARM_ARCH >= 8

enum {
    MPU_CTRL = 0xE000ED94,
    MPU_RNR = 0xE000ED98,
    MPU_RBAR = 0xE000ED9C,
    MPU_RLAR = 0xE000EDA0,
    MPU_MAIR0 = 0xE000EDC0,
    SHCSR = 0xE000ED24,
};

#define MAIR_WRITE_BACK 0xFFu
#define RBAR_READ_ONLY (3u << 1)
#define RBAR_READ_WRITE (1u << 1)
#define RBAR_NEVER_EXECUTE 1u
#define RLAR_ENABLE 1u
#define SHCSR_MEMFAULT (1u << 16)
#define SHCSR_USGFAULT (1u << 18)

/* The linker has checked the end of what is in flash, so lengths may be rounded up. */
static void allow(uint32_t region, uintptr_t start, uintptr_t end, uint32_t rights) {
    REGISTER(MPU_RNR) = region;
    REGISTER(MPU_RBAR) = (uint32_t)start | rights;
    REGISTER(MPU_RLAR) = ((uint32_t)(end - 1) & ~31u) | RLAR_ENABLE;
}

void mpu_guard(void) {
    REGISTER(MPU_MAIR0) = MAIR_WRITE_BACK;
    allow(0, ADDRESS(_flash_start), ADDRESS(_flash_end), RBAR_READ_ONLY);
    allow(1, ADDRESS(_ram_start), ADDRESS(_ram_end), RBAR_READ_WRITE | RBAR_NEVER_EXECUTE);
    uintptr_t vectors = ADDRESS(_vectors_start);
    __asm__("" : "+r"(vectors)); /* compilers take two symbols for two addresses */
    if (vectors != ADDRESS(_flash_start)) {
        allow(2, vectors, ADDRESS(_vectors_end), RBAR_READ_ONLY);
    }
    REGISTER(SHCSR) |= SHCSR_MEMFAULT | SHCSR_USGFAULT;
    REGISTER(MPU_CTRL) = 1; /* on, without the default map for privileged code */
    __asm__ volatile("dsb\n isb" ::: "memory");
}

#endif
