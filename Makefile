# Two commands on a fresh machine: `make demo` and `make test`. Both do their own set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# Debian packages: emulator and data set for the demo, further compilers, emulators and engines for tests.
DEMO_PACKAGES := qemu-system-arm dataset-fashion-mnist
TEST_PACKAGES := $(DEMO_PACKAGES) gcc libc6-dev cmake gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-user \
                 gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf chromium nodejs emscripten
PACKAGES := $(DEMO_PACKAGES)

.PHONY: demo test lint setup system clean

demo: setup
	$(BIN)/python apps/fashion/demo.py --out out/fashion

test: PACKAGES := $(TEST_PACKAGES)
test: export OPENBLAS_NUM_THREADS = 1
test: setup lint
	$(BIN)/python -m pytest -n 2 --dist worksteal tests

lint: setup
	$(BIN)/ruff format --check edge tests apps
	$(BIN)/ruff check edge tests apps
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'runtime/*.[ch]' 'targets/*.[ch]')

setup: $(READY) system

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'torch>=2.13,<2.14'
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(READY)

# Without the right to install Debian's packages the host and wasmtime runners still work, and the
# tests that need more say so and skip.
system:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
	    || echo "could not install: $$missing" >&2; \
	else \
	  echo "not installed, so some checks are left out; get them with:" >&2; \
	  echo "  sudo apt-get install --no-install-recommends" $$missing >&2; \
	fi

clean:
	rm -rf .venv out build dist
