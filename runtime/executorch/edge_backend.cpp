// SPDX-License-Identifier: Apache-2.0
//
// The ExecuTorch backend for models that Edge has compiled. A .pte names a model by the SHA-256 of its
// C sources; edge_models.h lists the models that are linked. Tensors at the border are float32: they
// are quantized and dequantized here, and images change from NCHW to NHWC and back.
//
// A model's arena is a static array of its own, so that the linker sees all of the RAM; models are
// not reentrant, and one that is called twice in a program is run one call after the other.
#include <cmath>
#include <cstdint>
#include <cstring>

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/core/evalue.h>

#include "edge_models.h"

namespace {

using executorch::runtime::ArrayRef;
using executorch::runtime::BackendExecutionContext;
using executorch::runtime::BackendInitContext;
using executorch::runtime::CompileSpec;
using executorch::runtime::DelegateHandle;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::FreeableBuffer;
using executorch::runtime::Result;
using executorch::runtime::Span;

struct Model {
    const uint8_t *digest;
    uint32_t arena_bytes;
    void *(*input)(int32_t);
    const void *(*output)(int32_t);
    void (*invoke)();
};

#define EDGE_MODEL(name)                                                                                               \
    {name##_digest, static_cast<uint32_t>(sizeof(name##_arena)), name##_input, name##_output, name##_invoke},
const Model models[] = {EDGE_MODELS(EDGE_MODEL)};
#undef EDGE_MODEL

// What the blob of a .pte begins with, and what follows for each input and output; edge/executorch/blob.py.
struct Header {
    char magic[4];
    uint32_t version;
    uint32_t inputs;
    uint32_t outputs;
    uint32_t arena_bytes;
    uint8_t digest[32];
    char name[64];
};

struct Port {
    float scale;
    int32_t zero_point;
    uint32_t elements;
    uint32_t channels;  // of an image; 1 for what is stored as in torch
};

static_assert(sizeof(Header) == 116 && sizeof(Port) == 16, "the layout of the blob");
constexpr uint32_t kVersion = 1;

struct Handle {
    const Model *model;
    const uint8_t *ports;
    uint32_t inputs;
    uint32_t outputs;
};

const Model *find(const uint8_t *digest) {
    for (const Model &model : models) {
        if (std::memcmp(model.digest, digest, sizeof(Header::digest)) == 0) {
            return &model;
        }
    }
    return nullptr;
}

Port port(const Handle &handle, uint32_t index) {
    Port found;  // the blob need not be aligned
    std::memcpy(&found, handle.ports + index * sizeof(Port), sizeof found);
    return found;
}

bool is_valid(const FreeableBuffer &blob, Header *header) {
    if (blob.size() < sizeof *header) {
        return false;
    }
    std::memcpy(header, blob.data(), sizeof *header);
    const uint64_t ports = static_cast<uint64_t>(header->inputs) + header->outputs;
    return std::memcmp(header->magic, "EDGE", 4) == 0 && header->version == kVersion &&
           blob.size() == sizeof *header + ports * sizeof(Port);
}

int8_t quantized(float value, const Port &port) {
    const float stored = std::nearbyint(value / port.scale) + static_cast<float>(port.zero_point);
    return static_cast<int8_t>(stored < -128.0F ? -128.0F : stored > 127.0F ? 127.0F : stored);
}

void quantize(const float *from, int8_t *to, const Port &port) {
    const uint32_t pixels = port.elements / port.channels;
    for (uint32_t channel = 0; channel < port.channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            to[pixel * port.channels + channel] = quantized(*from++, port);
        }
    }
}

void dequantize(const int8_t *from, float *to, const Port &port) {
    const uint32_t pixels = port.elements / port.channels;
    for (uint32_t channel = 0; channel < port.channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            *to++ = static_cast<float>(from[pixel * port.channels + channel] - port.zero_point) * port.scale;
        }
    }
}

bool is_float(const EValue &value, const Port &port) {
    if (!value.isTensor()) {
        return false;
    }
    const auto &tensor = value.toTensor();
    return tensor.scalar_type() == executorch::aten::ScalarType::Float &&
           static_cast<uint64_t>(tensor.numel()) == port.elements;
}

class EdgeBackend final : public executorch::runtime::BackendInterface {
  public:
    bool is_available() const override { return true; }

    Result<DelegateHandle *> init(BackendInitContext &context, FreeableBuffer *processed,
                                  ArrayRef<CompileSpec> specs) const override {
        (void)specs;
        Header header;
        if (!is_valid(*processed, &header)) {
            return Error::DelegateInvalidCompatibility;
        }
        const Model *model = find(header.digest);
        if (model == nullptr || model->arena_bytes != header.arena_bytes) {
            return Error::DelegateInvalidCompatibility;
        }
        auto *handle = context.get_runtime_allocator()->allocateInstance<Handle>();
        if (handle == nullptr) {
            return Error::MemoryAllocationFailed;
        }
        const auto *bytes = static_cast<const uint8_t *>(processed->data());
        *handle = {model, bytes + sizeof header, header.inputs, header.outputs};
        return handle;
    }

    Error execute(BackendExecutionContext &context, DelegateHandle *opaque, Span<EValue *> args) const override {
        (void)context;
        const Handle &handle = *static_cast<const Handle *>(opaque);
        const uint32_t ports = handle.inputs + handle.outputs;
        if (args.size() != ports) {
            return Error::InvalidArgument;
        }
        for (uint32_t i = 0; i < ports; i++) {
            if (!is_float(*args[i], port(handle, i))) {
                return Error::InvalidArgument;
            }
        }
        for (uint32_t i = 0; i < handle.inputs; i++) {
            auto *to = static_cast<int8_t *>(handle.model->input(static_cast<int32_t>(i)));
            quantize(args[i]->toTensor().const_data_ptr<float>(), to, port(handle, i));
        }
        handle.model->invoke();
        for (uint32_t i = 0; i < handle.outputs; i++) {
            const auto *from = static_cast<const int8_t *>(handle.model->output(static_cast<int32_t>(i)));
            const Port described = port(handle, handle.inputs + i);
            dequantize(from, args[handle.inputs + i]->toTensor().mutable_data_ptr<float>(), described);
        }
        return Error::Ok;
    }
};

EdgeBackend backend;
const auto registered = executorch::runtime::register_backend({"EdgeBackend", &backend});

}  // namespace
