/* SPDX-License-Identifier: Apache-2.0
 *
 * ELF for the Arm 64-bit Architecture (IHI 0056): sections 5.7.11 (dynamic relocations) and 5.3
 * (program headers). Segments lie at multiples of 16 KB, the largest page of Android devices.
 */
#include "library.h"

#include <stdbool.h>

#include "process.h"

enum { PAGE = 16384, ABSOLUTE = 257, GLOBAL_DATA = 1025, JUMP_SLOT = 1026, RELATIVE = 1027 };

static void fail(const char *what, const char *name) __attribute__((noreturn));
static void fail(const char *what, const char *name) {
    print("edge-loader: ");
    print(what);
    print(name);
    print("\n");
    quit(1);
}

static bool same(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void read_at(intptr_t file, size_t offset, void *to, size_t bytes, const char *path) {
    file_seek(file, offset);
    if (file_read(file, to, bytes) != bytes) {
        fail("file ends early: ", path);
    }
}

enum { MAX_SEGMENTS = 16 };

typedef struct {
    elf_segment header[MAX_SEGMENTS];
    int32_t count;
} segments;

static segments read_segments(intptr_t file, const char *path) {
    elf_header header;
    segments found;
    read_at(file, 0, &header, sizeof header, path);
    if (header.ident[0] != 0x7f || header.type != ELF_DYNAMIC_OBJECT ||
        header.machine != ELF_AARCH64 || header.phnum > MAX_SEGMENTS) {
        fail("no shared library for aarch64: ", path);
    }
    found.count = header.phnum;
    read_at(file, header.phoff, found.header, header.phnum * sizeof(elf_segment), path);
    return found;
}

static uint8_t *reserve(const segments *all, const char *path) {
    size_t end = 0;
    for (int32_t i = 0; i < all->count; i++) {
        const elf_segment *h = &all->header[i];
        if (h->type == ELF_LOAD && (h->align < PAGE || (h->vaddr ^ h->offset) % PAGE)) {
            fail("segments are not aligned to 16 KB pages: ", path);
        }
        if (h->type == ELF_LOAD && h->vaddr + h->memsz > end) {
            end = h->vaddr + h->memsz;
        }
    }
    const uintptr_t memory = (uintptr_t)memory_of_kernel(end + PAGE);
    return (uint8_t *)((memory + PAGE - 1) / PAGE * PAGE);
}

static const elf_dynamic *fill(const segments *all, intptr_t file, uint8_t *base,
                               const char *path) {
    const elf_dynamic *dynamic = NULL;
    for (int32_t i = 0; i < all->count; i++) {
        const elf_segment *h = &all->header[i];
        if (h->type == ELF_LOAD) {
            read_at(file, h->offset, base + h->vaddr, h->filesz, path);
        } else if (h->type == ELF_DYNAMIC_SEGMENT) {
            dynamic = (const elf_dynamic *)(void *)(base + h->vaddr);
        }
    }
    if (dynamic == NULL) {
        fail("no dynamic section: ", path);
    }
    return dynamic;
}

/* The value of an entry, 0 if there is none. */
static uint64_t entry(const elf_dynamic *dynamic, int64_t tag) {
    for (; dynamic->tag != 0; dynamic++) {
        if (dynamic->tag == tag) {
            return dynamic->value;
        }
    }
    return 0;
}

static library describe(const elf_dynamic *dynamic, uint8_t *base, const char *path) {
    const uint64_t hash = entry(dynamic, ELF_HASH), symbols = entry(dynamic, ELF_SYMTAB);
    if (entry(dynamic, ELF_NEEDED)) {
        fail("needs another library: ", path);
    }
    if (hash == 0 || symbols == 0) {
        fail("no table of symbols: ", path);
    }
    const library found = {base, (const elf_symbol *)(void *)(base + symbols),
                           (const char *)base + entry(dynamic, ELF_STRTAB),
                           ((const uint32_t *)(void *)(base + hash))[1]};
    return found;
}

static uint64_t address_of(const library *loaded, const elf_symbol *symbol, const char *mark,
                           void (*mark_function)(void)) {
    if (symbol->section != 0) {
        return (uint64_t)(uintptr_t)loaded->base + symbol->value;
    }
    if (!same(loaded->names + symbol->name, mark)) {
        fail("undefined symbol: ", loaded->names + symbol->name);
    }
    return (uint64_t)(uintptr_t)mark_function;
}

static void relocate(const library *loaded, uint64_t table, uint64_t bytes, const char *mark,
                     void (*mark_function)(void)) {
    const elf_relocation *r = (const elf_relocation *)(void *)(loaded->base + table);
    for (const elf_relocation *end = r + bytes / sizeof *r; r < end; r++) {
        uint64_t *place = (uint64_t *)(void *)(loaded->base + r->offset);
        const elf_symbol *symbol = &loaded->symbols[r->symbol];
        const uint64_t addend = (uint64_t)r->addend;
        switch (r->type) {
        case RELATIVE:
            *place = (uint64_t)(uintptr_t)loaded->base + addend;
            break;
        case ABSOLUTE:
        case GLOBAL_DATA:
        case JUMP_SLOT:
            *place = address_of(loaded, symbol, mark, mark_function) + addend;
            break;
        default:
            fail("relocation of an unknown type", "");
        }
    }
}

static void protect(const segments *all, uint8_t *base) {
    for (int32_t i = 0; i < all->count; i++) {
        const elf_segment *h = &all->header[i];
        if (h->type == ELF_LOAD && !(h->flags & ELF_WRITE)) {
            const size_t start = h->vaddr / PAGE * PAGE, end = h->vaddr + h->memsz;
            protect_from_writes(base + start, end - start, (h->flags & ELF_EXECUTE) != 0);
        }
    }
}

library library_load(const char *path, const char *mark, void (*mark_function)(void)) {
    const intptr_t file = file_open_to_read(path);
    if (file < 0) {
        fail("cannot open ", path);
    }
    const segments all = read_segments(file, path);
    uint8_t *base = reserve(&all, path);
    const elf_dynamic *dynamic = fill(&all, file, base, path);
    const library loaded = describe(dynamic, base, path);
    relocate(&loaded, entry(dynamic, ELF_RELA), entry(dynamic, ELF_RELASZ), mark, mark_function);
    relocate(&loaded, entry(dynamic, ELF_JMPREL), entry(dynamic, ELF_PLTRELSZ), mark,
             mark_function);
    protect(&all, base);
    return loaded;
}

void *library_symbol(const library *loaded, const char *name) {
    for (size_t i = 0; i < loaded->count; i++) {
        const elf_symbol *symbol = &loaded->symbols[i];
        if (symbol->section != 0 && same(loaded->names + symbol->name, name)) {
            return loaded->base + symbol->value;
        }
    }
    fail("no symbol ", name);
}
