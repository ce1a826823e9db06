/* SPDX-License-Identifier: Apache-2.0
 *
 * What the loader reads of the ELF-64 object file format, version 1.5; names are those of its
 * tables without their prefixes.
 */
#ifndef EDGE_ELF64_H
#define EDGE_ELF64_H

#include <stdint.h>

typedef struct {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} elf_header;

typedef struct {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
} elf_segment;

typedef struct {
    int64_t tag;
    uint64_t value;
} elf_dynamic;

typedef struct {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
} elf_symbol;

typedef struct {
    uint64_t offset;
    uint32_t type, symbol; /* the halves of the info word, little-endian */
    int64_t addend;
} elf_relocation;

enum { ELF_DYNAMIC_OBJECT = 3, ELF_AARCH64 = 183 };
enum { ELF_LOAD = 1, ELF_DYNAMIC_SEGMENT = 2, ELF_EXECUTE = 1, ELF_WRITE = 2 };
enum {
    ELF_NEEDED = 1,
    ELF_PLTRELSZ = 2,
    ELF_HASH = 4,
    ELF_STRTAB = 5,
    ELF_SYMTAB = 6,
    ELF_RELA = 7,
    ELF_RELASZ = 8,
    ELF_JMPREL = 23
};

#endif
