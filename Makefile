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
# The OpenMP runtime is always linked: oneDNN needs it, and OPENMP= only makes our own loops serial.
LDFLAGS := $(CFLAGS) -fopenmp $(SANITIZE)

comma := ,
DNNL_INC := $(if $(DNNL),-I$(DNNL)/include)
DNNL_LIB := $(if $(DNNL),-L$(DNNL)/lib -Wl$(comma)-rpath$(comma)$(DNNL)/lib) -ldnnl
LDLIBS := $(DNNL_LIB) -lsqlite3 -ljansson -lpng -lnettle -lunistring -lpthread -lm

# What each folder may include.
INC_kernels   := -Ikernels $(DNNL_INC)
INC_workloads := -Iworkloads -Ikernels
INC_db        := -Idb
INC_reports   := -Ireports -Idb
INC_bench     := -Ibench -Iworkloads -Ikernels -Idb -I$(O)

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
LIB   := $(filter-out $(TESTS) $(FUZZ) $(SIMD) bench/main.c,$(SRC))
DATA  := $(wildcard workloads/configs/*.json db/*.sql db/migrate/*.sql)

LIB_OBJ := $(LIB:%.c=$(O)/%.o) $(foreach l,$(LEVELS),$(SIMD:%_simd.c=$(O)/%_simd_$(l).o)) \
	   $(DATA:%=$(O)/%.o)
TEST_BIN := $(TESTS:%.c=$(O)/%)
FUZZ_BIN := $(FUZZ:%.c=$(O)/%)

.PHONY: all tests help info test test-long asan tsan lint install clean FORCE
.DEFAULT_GOAL := all
all: $(BUILD)/bench
tests: $(TEST_BIN) $(FUZZ_BIN)

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
define embed
@mkdir -p $(@D)
$(Q)n=data_$$(echo $(notdir $<) | tr -c 'a-zA-Z0-9\n' _); printf '.section .rodata\n.global %s\n%s:\n.incbin "%s"\n.byte 0\n.global %s_end\n%s_end:\n.section .note.GNU-stack,"",@progbits\n' $$n $$n $< $$n $$n | $(CC) -x assembler -c - -o $@
endef

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

$(BUILD)/bench: $(O)/bench/main.o $(O)/libbench.a
	$(if $V,,@echo "  LD  $@")
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(O)/%_fuzz: $(O)/%_fuzz.o $(O)/libbench.a
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(O)/%_test: $(O)/%_test.o $(O)/libbench.a
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# One test or fuzzer by its short name: make build/kernels/plan_test
$(BUILD)/%_test: $(O)/%_test ; @mkdir -p $(@D) && ln -f $< $@
$(BUILD)/%_fuzz: $(O)/%_fuzz ; @mkdir -p $(@D) && ln -f $< $@

-include $(LIB_OBJ:.o=.d) $(TEST_BIN:=.d) $(O)/bench/main.d

clean:
	rm -rf $(BUILD)
