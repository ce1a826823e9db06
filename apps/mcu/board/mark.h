/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulator's plugin notes how many instructions were executed at each call of edge_mark.
 */
#ifndef APP_MARK_H
#define APP_MARK_H

void edge_mark(void);

#endif
