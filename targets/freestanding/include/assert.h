/* SPDX-License-Identifier: Apache-2.0
 *
 * For compilers that come without a C library. A failed assertion stops at an illegal instruction,
 * which the fault handler reports with its address.
 */
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : __builtin_trap())
#endif
