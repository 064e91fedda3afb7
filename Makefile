# bench: one non-recursive Makefile. `make help` lists the targets, `make info` what was found.
#
# Every folder sees only the include paths it may use, so a wrong include does not build.
# Instruction sets follow the file name: x_avx512.c is compiled for AVX-512, x_simd.c once per level.

VERSION := 0.1.0

BUILD  ?= build
O      := $(BUILD)/obj
PREFIX ?= /usr/local
CC     ?= gcc
DNNL   ?=

MAKEFLAGS += -r
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Werror=implicit-function-declaration -Werror=int-conversion \
	-Werror=incompatible-pointer-types $(if $(WERROR),-Werror)
CFLAGS  ?= -O2 -g
OPENMP  ?= -fopenmp
# A product and a sum are fused only where the code says so: one result on every level and compiler.
BASE    := -std=gnu17 $(WARN) -ffp-contract=off $(CFLAGS) $(OPENMP) $(SANITIZE) -MMD -MP
LDFLAGS := $(CFLAGS) $(OPENMP) $(SANITIZE)

# Optional: used when their headers are there; PAPI= and NVTX= on the command line leave them out.
has_header = $(shell printf '\043include <$1>\n' | $(CC) $(CFLAGS) -E - >/dev/null 2>&1 && echo yes)
PAPI := $(call has_header,papi.h)
NVTX := $(firstword $(patsubst %/nvtx3/nvToolsExt.h,%,\
	$(wildcard $(CUDA_HOME:=/include/nvtx3/nvToolsExt.h) \
	/usr/local/cuda/include/nvtx3/nvToolsExt.h /usr/include/nvtx3/nvToolsExt.h)))

comma := ,
DNNL_INC := $(if $(DNNL),-I$(DNNL)/include)
DNNL_LIB := $(if $(DNNL),-L$(DNNL)/lib -Wl$(comma)-rpath$(comma)$(DNNL)/lib) -ldnnl
LDLIBS := $(DNNL_LIB) $(if $(PAPI),-lpapi) -lsqlite3 -ljansson -lpng -lnettle -lunistring -linih \
	-lpthread -lm

# What each folder may include.
INC_kernels   := -Ikernels $(DNNL_INC) $(if $(NVTX),-DHAVE_NVTX -isystem $(NVTX))
INC_workloads := -Iworkloads -Ikernels
INC_db        := -Idb
INC_reports   := -Ireports -Idb
INC_bench     := $(if $(PAPI),-DHAVE_PAPI) -Ibench -Iworkloads -Ikernels -Ireports -Idb -I$(O)

# Instruction-set levels, by file-name suffix and for *_simd.c (SIMD_LEVEL, see kernels/cpu/simd.h).
ISA_c      := -O3
ISA_avx2   := -O3 -mavx2 -mfma -mf16c
ISA_avx512 := $(ISA_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
ISA_bf16   := $(ISA_avx512) -mavx512bf16
ISA_amx    := $(ISA_bf16) -mamx-tile -mamx-bf16
LEVELS     := c avx2 avx512 bf16

SRC   := $(wildcard kernels/*.c kernels/*/*.c workloads/*.c db/*.c reports/*.c bench/*.c)
TESTS := $(filter %_test.c,$(SRC))
FUZZ  := $(filter %_fuzz.c,$(SRC))
SIMD  := $(filter %_simd.c,$(SRC))
MAIN  := bench/main.c bench/main_malloc.c
LIB   := $(filter-out $(TESTS) $(FUZZ) $(SIMD) $(MAIN),$(SRC))
DATA  := $(wildcard workloads/configs/*.json bench/counters/*.json bench/sweeps/*.json \
	db/*.sql db/migrate/*.sql reports/html/*)
FIGURES := $(wildcard reports/figures/*.json)

LIB_OBJ := $(LIB:%.c=$(O)/%.o) $(foreach l,$(LEVELS),$(SIMD:%_simd.c=$(O)/%_simd_$(l).o)) \
	   $(DATA:%=$(O)/%.o) $(O)/reports/figures.o
TEST_BIN := $(TESTS:%.c=$(O)/%)
FUZZ_BIN := $(FUZZ:%.c=$(O)/%)

.PHONY: all tests check help info test test-long asan tsan lint install uninstall clean FORCE
.DEFAULT_GOAL := all
.SECONDARY:
all: $(BUILD)/bench ## build build/bench (the default)
tests: all $(TEST_BIN) $(FUZZ_BIN)

folder = $(firstword $(subst /, ,$1))
isa    = $(ISA_$(lastword $(subst _, ,$(notdir $1))))

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(if $V,,@echo "  CC  $<")
	$(Q)$(CC) $(BASE) $(INC_$(call folder,$<)) -I$(patsubst %/,%,$(dir $<)) \
		$(if $(filter %_test %_fuzz,$*),-Ikernels) $(call isa,$*) -c $< -o $@

define simd_rule
$(O)/%_simd_$1.o: %_simd.c
	@mkdir -p $$(@D)
	$$(if $$V,,@echo "  CC  $$< ($1)")
	$$(Q)$$(CC) $$(BASE) $$(INC_$$(call folder,$$<)) -I$$(patsubst %/,%,$$(dir $$<)) $$(ISA_$1) \
		-DSIMD_LEVEL=$1 -DSIMD_$1 -c $$< -o $$@
endef
$(foreach l,$(LEVELS),$(eval $(call simd_rule,$l)))

# A data file becomes two symbols: data_NAME and data_NAME_end, NAME with _ for every odd character.
$(O)/%.json.o: %.json ; $(embed)
$(O)/%.sql.o: %.sql ; $(embed)
$(O)/%.css.o: %.css ; $(embed)
$(O)/%.js.o: %.js ; $(embed)
define embed
@mkdir -p $(@D)
$(Q)n=data_$$(echo $(notdir $<) | tr -c 'a-zA-Z0-9\n' _); printf '.section .rodata\n.global %s\n%s:\n.incbin "%s"\n.byte 0\n.global %s_end\n%s_end:\n.section .note.GNU-stack,"",@progbits\n' $$n $$n $< $$n $$n | $(CC) -x assembler -c - -o $@
endef

# All data files of figures one after the other, a NUL after each: another file needs no other line.
$(O)/reports/figures: $(FIGURES) reports/figures
	@mkdir -p $(@D)
	@for f in $(FIGURES); do cat $$f; printf '\0'; done > $@
$(O)/reports/figures.o: $(O)/reports/figures ; $(embed)

# What the program says of its own origin; rewritten only when it changes.
GIT := git -C $(CURDIR) --no-optional-locks
define build_values
#define BUILD_VERSION "$(VERSION)"
#define BUILD_GIT_REVISION "$(shell $(GIT) rev-parse HEAD 2>/dev/null)"
#define BUILD_GIT_BRANCH "$(shell $(GIT) symbolic-ref -q --short HEAD 2>/dev/null)"
#define BUILD_GIT_DIRTY $(if $(shell $(GIT) status --porcelain -uno 2>/dev/null),1,0)
#define BUILD_COMPILER "$(shell $(CC) --version | head -1)"
#define BUILD_FLAGS "$(CFLAGS) $(OPENMP) $(SANITIZE)"
endef
$(O)/build_values.h: FORCE
	@mkdir -p $(@D)
	$(file >$@.new,$(build_values))
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(O)/bench/build_info.o: $(O)/build_values.h
FORCE:

$(O)/libbench.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/bench: $(MAIN:%.c=$(O)/%.o) $(O)/libbench.a
	$(if $V,,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(O)/%_fuzz: $(O)/%_fuzz.o $(O)/libbench.a
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

TEST_WRAP :=
$(O)/%_test: $(O)/%_test.o $(O)/libbench.a
	$(Q)$(CC) $(LDFLAGS) $(TEST_WRAP:%=-Wl,--wrap=%) $^ $(LDLIBS) -o $@
# Functions that a test puts its own around: __wrap_NAME is called, __real_NAME is the function.
$(O)/bench/timed_region_test: TEST_WRAP := ctx_step_begin ctx_step_end sqlite3_step sqlite3_exec
$(O)/db/db_append_test: TEST_WRAP := ftruncate lseek
$(O)/bench/throttle_test: TEST_WRAP := ctx_step_begin

# One test or fuzzer by its short name: make build/kernels/plan_test
$(BUILD)/%_test: $(O)/%_test ; @mkdir -p $(@D) && ln -f $< $@
$(BUILD)/%_fuzz: $(O)/%_fuzz ; @mkdir -p $(@D) && ln -f $< $@

-include $(LIB_OBJ:.o=.d) $(TEST_BIN:=.d) $(MAIN:%.c=$(O)/%.d)

# ---- tests ---------------------------------------------------------------------------------------

JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
SUBMAKE = $(MAKE) --no-print-directory $(JOBS)
RUN_TESTS = BENCH_BIN=$(abspath $(BUILD)/bench) scripts/run-tests

test: ## install what is missing, build, and run all tests (under four minutes on two quiet cores)
	@DNNL=$(DNNL) scripts/setup --test
	@$(SUBMAKE) tests
	@$(SUBMAKE) check

check: # what is built, without building
	@$(RUN_TESTS) $(TEST_BIN) $(FUZZ_BIN)

test-long: ## test, all figures, a browser, lint, asan, tsan, 10,000 runs by 16 writers, and a minute of each fuzzer
	@scripts/setup --dev
	@$(SUBMAKE) test
	@$(O)/db/db_writers_test --long
	@BENCH_LONG=1 $(RUN_TESTS) $(filter %/draw_test %/page_test,$(TEST_BIN))
	@$(SUBMAKE) lint
	@$(SUBMAKE) asan
	@$(SUBMAKE) tsan
	@scripts/fuzz

# UBSan's alignment check stays on; the build folder is its own, so that nothing is mixed.
ASAN = BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined"

asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(SUBMAKE) $(ASAN) tests
	@$(MAKE) --no-print-directory $(ASAN) check

# ThreadSanitizer cannot see into libgomp: its barriers are futexes without an interceptor, so that
# every parallel region would be reported. Our sources are built without OpenMP (serial regions),
# and what calls oneDNN, which brings its own regions, is left out.
TSAN = BUILD=$(BUILD)/tsan CFLAGS="-O1 -g" OPENMP="-w -lgomp" \
	SANITIZE="-fsanitize=thread"
TSAN_TESTS := $(filter %comm_test %patch_test %patch_unet_test %ctx_test %plan_test db/%,$(TESTS:%.c=%))

tsan: ## the tests with threads of our own under ThreadSanitizer
	@$(SUBMAKE) $(TSAN) $(TSAN_TESTS:%=$(BUILD)/tsan/obj/%)
	@scripts/run-tests $(TSAN_TESTS:%=$(BUILD)/tsan/obj/%)

# Headers compile alone, except the parts of vec.h, the templates that a file per instruction set
# fills in, and the part of onednn_test.c that measures.
PARTS   := $(addprefix kernels/cpu/,vec_c.h vec_avx2.h vec_avx512.h vec_small.h attention_flash.h \
	attention_vector.h attention_pack.h attention_amx_pack.h attention_amx_stream.h gemm_blocked.h gemm_finish.h \
	gemm_amx_finish.h gemm_amx_block.h onednn_bench.h)
HEADERS := $(filter-out $(PARTS),$(wildcard kernels/*.h kernels/*/*.h workloads/*.h db/*.h \
	reports/*.h bench/*.h))
lint: $(HEADERS:%.h=lint/%) ## headers compile alone; includes, words and line lengths
	@scripts/lint

$(HEADERS:%.h=lint/%): lint/%: %.h
	@$(CC) -std=gnu17 $(WARN) -Wno-unused-function $(OPENMP) $(INC_$(call folder,$<)) -Ikernels \
		-I$(patsubst %/,%,$(dir $<)) $(ISA_amx) -Werror -fsyntax-only -include $< -x c /dev/null

# ---- installation --------------------------------------------------------------------------------

BIN := $(DESTDIR)$(PREFIX)/bin/bench
MAN := $(DESTDIR)$(PREFIX)/share/man/man1/bench.1
COMPLETION := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bench

install: all ## install program, manual page and completion under PREFIX (default /usr/local)
	install -D -m 755 $(BUILD)/bench $(BIN)
	$(BUILD)/bench help --man > $(O)/bench.1
	$(BUILD)/bench help --bash > $(O)/bench.bash
	install -D -m 644 $(O)/bench.1 $(MAN)
	install -D -m 644 $(O)/bench.bash $(COMPLETION)

uninstall: ## remove what install put there
	rm -f $(BIN) $(MAN) $(COMPLETION)

# ---- about ---------------------------------------------------------------------------------------

help: ## this list
	@echo "usage: make [TARGET] [BUILD=folder] [CC=compiler] [DNNL=prefix] [V=1] [WERROR=1]"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | sort | \
		while IFS='|' read -r t text; do printf '  %-10s %s\n' "$$t" "$$text"; done

info: ## compiler, libraries and processor that were found
	@CC="$(CC)" DNNL_INC="$(DNNL_INC)" NVTX="$(NVTX)" scripts/info

clean: ## remove the build folder
	rm -rf $(BUILD)
