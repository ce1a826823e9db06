/* SPDX-License-Identifier: Apache-2.0
 *
 * An activity without Java: runs the stored inputs of a model when it starts and writes a line for
 * each to the log. Needs liblog.so, and nothing else of the system.
 */
#include "model_example.h"

enum { ANDROID_LOG_INFO = 4 };

/* In liblog.so: android/log.h of the NDK. */
int __android_log_write(int priority, const char *tag, const char *text);

static void print_line(const char *line) {
    __android_log_write(ANDROID_LOG_INFO, "edge", line);
}

/* What android.app.NativeActivity calls: android/native_activity.h of the NDK. */
__attribute__((visibility("default"))) void ANativeActivity_onCreate(void *activity, void *saved,
                                                                     unsigned long bytes);

void ANativeActivity_onCreate(void *activity, void *saved, unsigned long bytes) {
    (void)activity;
    (void)saved;
    (void)bytes;
    model_example(print_line);
}
