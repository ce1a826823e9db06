/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulated board has more memory than the target's budget, so a write past the budget would go
 * unnoticed. With the default memory map off, only the budgeted regions answer.
 * Armv7-M Architecture Reference Manual (DDI 0403), section B3.5 (PMSAv7).
 */
#include "board.h"

enum {
    MPU_CTRL = 0xE000ED94,
    MPU_RBAR = 0xE000ED9C,
    MPU_RASR = 0xE000EDA0,
    SHCSR = 0xE000ED24,
};

#define RBAR_VALID (1u << 4)
#define RASR_ENABLE 1u
#define RASR_NORMAL_MEMORY                                                                         \
    ((1u << 19) | (1u << 17) | (1u << 16)) /* write-back, unaligned allowed */
#define RASR_READ_ONLY (6u << 24)
#define RASR_READ_WRITE (3u << 24)
#define RASR_NEVER_EXECUTE (1u << 28)
#define SHCSR_MEMFAULT (1u << 16)

/* log2 of the smallest power of two that holds `bytes`; regions with eighths have at least 256. */
static uint32_t region_bits(uint32_t bytes) {
    uint32_t bits = 8;
    while ((1u << bits) < bytes) {
        bits++;
    }
    return bits;
}

/* A region is a power of two whose eighths can be switched off, so a length in multiples of 32
 * takes one region for every three binary digits. Returns the next free region. */
static uint32_t allow(uint32_t region, uintptr_t start, uintptr_t end, uint32_t rights) {
    while (end - start >= 32) {
        const uint32_t bits = region_bits((uint32_t)(end - start));
        const uint32_t eighths = (uint32_t)(end - start) >> (bits - 3);
        const uint32_t disabled = 0xFFu & (0xFFu << eighths);
        REGISTER(MPU_RBAR) = (uint32_t)start | RBAR_VALID | region++;
        REGISTER(MPU_RASR) =
            rights | RASR_NORMAL_MEMORY | (disabled << 8) | ((bits - 1) << 1) | RASR_ENABLE;
        start += (uintptr_t)eighths << (bits - 3);
    }
    return region;
}

void mpu_guard(void) {
    const uint32_t next =
        allow(0, ADDRESS(_ram_start), ADDRESS(_ram_end), RASR_READ_WRITE | RASR_NEVER_EXECUTE);
    allow(next, ADDRESS(_flash_start), ADDRESS(_flash_end), RASR_READ_ONLY);
    REGISTER(SHCSR) |= SHCSR_MEMFAULT;
    REGISTER(MPU_CTRL) = 1; /* on, without the default map for privileged code */
    __asm__ volatile("dsb\n isb" ::: "memory");
}
