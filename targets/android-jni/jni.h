/* SPDX-License-Identifier: Apache-2.0
 *
 * What a wrapper of a model uses of the Java Native Interface, so that libraries can be built where
 * there is neither a JDK nor an NDK: types and the place of one function in the table of functions.
 * Java Native Interface Specification, chapters 3 and 4.
 */
#ifndef EDGE_JNI_H
#define EDGE_JNI_H

#include <stdint.h>

#define JNIEXPORT __attribute__((visibility("default")))
#define JNICALL

typedef int32_t jint;
typedef int64_t jlong;
typedef void *jobject;
typedef jobject jclass;

enum { EDGE_JNI_BEFORE_NEW_DIRECT_BYTE_BUFFER = 229 };

struct JNINativeInterface_;
typedef const struct JNINativeInterface_ *JNIEnv;

struct JNINativeInterface_ {
    void *other[EDGE_JNI_BEFORE_NEW_DIRECT_BYTE_BUFFER];
    jobject(JNICALL *NewDirectByteBuffer)(JNIEnv *env, void *address, jlong capacity);
};

#endif
