/* SPDX-License-Identifier: Apache-2.0
 *
 * Passes the marks of a profile build on to the program that embeds the module.
 */
__attribute__((import_module("edge"), import_name("mark"))) void edge_mark_outside(void);

void edge_mark(void);
void edge_mark(void) {
    edge_mark_outside();
}
