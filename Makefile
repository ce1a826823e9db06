# Two commands on a fresh machine: `make demo` and `make test`. Both do their own set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
ARM64 := .venv/arm64
KOTLIN := tests/packages/android/node_modules
NPM_TOOLS := tests/packages/npm/node_modules
# Debian packages: emulator and data set for the demo, further compilers, emulators and engines for tests.
DEMO_PACKAGES := qemu-system-arm dataset-fashion-mnist
TEST_PACKAGES := $(DEMO_PACKAGES) gcc libc6-dev cmake gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-user \
                 gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf g++ g++-aarch64-linux-gnu \
                 libstdc++-arm-none-eabi-newlib chromium nodejs emscripten espeak-ng \
                 openjdk-17-jdk-headless aapt zipalign apksigner android-framework-res
PACKAGES := $(DEMO_PACKAGES)

.PHONY: demo kws camera web test lint docs setup system npm clean

demo: setup
	$(BIN)/python apps/fashion/demo.py --out out/fashion

# Keyword spotting and a camera on emulated Cortex-M boards.
kws: PACKAGES := qemu-system-arm espeak-ng
kws: setup
	$(BIN)/python -m apps.mcu.keyword.demo

camera: setup
	$(BIN)/python -m apps.mcu.camera.demo

# A page that recognizes drawings and learns new ones, on http://127.0.0.1:8000.
web: setup
	$(BIN)/python apps/web/build.py --out out/web
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory out/web 8000

test: PACKAGES := $(TEST_PACKAGES)
test: export OPENBLAS_NUM_THREADS = 1
test: setup lint $(ARM64) $(KOTLIN) $(NPM_TOOLS)
	$(BIN)/python -m pytest -n 2 --dist worksteal tests

lint: setup
	$(BIN)/ruff format --check edge tests apps docs
	$(BIN)/ruff check edge tests apps docs
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'runtime/*.[ch]' 'targets/*.[ch]' 'apps/mcu/*.[ch]')

# The site in docs/_build; a page's printed outputs are renewed by `python -m tests.docs.update`.
docs: setup
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "wrote docs/_build/index.html"

setup: $(READY) system

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'torch>=2.13,<2.14'
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(READY)

# Java for arm64 and the Kotlin compiler: what checks packages for Android.
$(ARM64): | system
	@tests/packages/android/arm64_java.sh $(ARM64) || echo "no Java for arm64: some checks are left out" >&2

$(KOTLIN): | npm
	@npm ci --silent --prefix tests/packages/android || echo "no Kotlin compiler: some checks are left out" >&2

# TypeScript, Vite, esbuild, publint and axe: what checks packages for npm and the page.
$(NPM_TOOLS): | npm
	@npm ci --silent --prefix tests/packages/npm || echo "no npm tools: some checks are left out" >&2

# Some builds of nodejs bring npm along, and conflict with the package of that name.
npm: | system
	@command -v npm >/dev/null || $(MAKE) --no-print-directory system PACKAGES=npm

# Without the right to install Debian's packages the host and wasmtime runners still work, and the
# tests that need more say so and skip.
system:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
	    || for p in $$missing; do \
	      apt-get install -y -qq --no-install-recommends $$p >/dev/null || echo "could not install: $$p" >&2; \
	    done; \
	else \
	  echo "not installed, so some checks are left out; get them with:" >&2; \
	  echo "  sudo apt-get install --no-install-recommends" $$missing >&2; \
	fi

clean:
	rm -rf .venv out build dist
