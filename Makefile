# Two commands on a fresh machine: `make demo` and `make test`. Both do their own set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
APT := qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi dataset-fashion-mnist

.PHONY: demo test lint setup system clean

demo: setup
	$(BIN)/python apps/fashion/demo.py --out out/fashion

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

# Emulator, second compiler and data set come from Debian; without the right to install them the host
# and wasmtime runners still work, and the tests that need more say so and skip.
system:
	@missing=$$(for p in $(APT); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
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
