/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulated board has more memory than the target's budget, so a write past the budget would go
 * unnoticed. With the default memory map off, only the budgeted regions answer.
 * Armv7-M Architecture Reference Manual (DDI 0403), section B3.5 (PMSAv7).
 */
#include "board.h"

#if __ARM_ARCH < 8

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

/* log2 of the smallest region that holds `bytes`: 32 or a larger power of two. */
static uint32_t region_bits(uint32_t bytes) {
    uint32_t bits = 5;
    while ((1u << bits) < bytes) {
        bits++;
    }
    return bits;
}

/* Lets through the first `eighths` of the region of 2^bits bytes at `start`. */
static void allow(uint32_t region, uintptr_t start, uint32_t bits, uint32_t eighths,
                  uint32_t rights) {
    const uint32_t disabled = 0xFFu & (0xFFu << eighths);
    REGISTER(MPU_RBAR) = (uint32_t)start | RBAR_VALID | region;
    REGISTER(MPU_RASR) =
        rights | RASR_NORMAL_MEMORY | (disabled << 8) | ((bits - 1) << 1) | RASR_ENABLE;
}

/* One region, rounded up: the linker has checked the end, this is against writes to code. */
static void allow_flash(uint32_t region) {
    const uint32_t bytes = (uint32_t)(ADDRESS(_flash_end) - ADDRESS(_flash_start));
    const uint32_t bits = region_bits(bytes), eighth = 1u << (bits - 3);
    allow(region, ADDRESS(_flash_start), bits, (bytes + eighth - 1) / eighth, RASR_READ_ONLY);
}

/* Exact to 32 bytes, at one region for every three binary digits of the length: 256 KB take five
 * of the eight that cores have. Regions below 256 bytes have no eighths, so they are taken whole.
 */
static void allow_sram(uint32_t region) {
    uintptr_t start = ADDRESS(_ram_start);
    uint32_t left = ((uint32_t)(ADDRESS(_ram_end) - start) + 31) & ~31u;
    while (left > 0) {
        uint32_t bits = region_bits(left), eighths = left >> (bits - 3);
        if (bits < 8) {
            bits -= (1u << bits) > left;
            eighths = 8;
        }
        allow(region++, start, bits, eighths, RASR_READ_WRITE | RASR_NEVER_EXECUTE);
        start += eighths << (bits - 3);
        left -= eighths << (bits - 3);
    }
}

void mpu_guard(void) {
    allow_flash(0);
    allow_sram(1);
    REGISTER(SHCSR) |= SHCSR_MEMFAULT;
    REGISTER(MPU_CTRL) = 1; /* on, without the default map for privileged code */
    __asm__ volatile("dsb\n isb" ::: "memory");
}

#endif
