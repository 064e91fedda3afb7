/* SPDX-License-Identifier: MIT
 *
 * Ranges as a tool would see them: this program is its own tool, through the symbol that the NVTX
 * headers keep free for one.
 */
#include "nvtx.h"

#include <stdint.h>
#include <stdlib.h>

#include "ctx.h"
#include "test.h"

#if !defined(HAVE_NVTX) || !defined(NVTX_LOAD_SEQUENCE_VERSION)
int main(void)
{
	return test_skip("the program was built without NVTX 3.1 or newer");
}
#else

static char seen[256];
static int attached;

static int NVTX_API push(const char *name)
{
	strcat(strcat(seen, name), "(");
	return 0;
}

static int NVTX_API pop(void)
{
	strcat(seen, ")");
	return 0;
}

static int NVTX_API attach(NvtxGetExportTableFunc_t table)
{
	const NvtxExportTableCallbacks *callbacks = table(NVTX_ETID_CALLBACKS);
	NvtxFunctionTable functions;
	unsigned n;

	if (!callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &functions, &n))
		return 0;
	*functions[NVTX_CBID_CORE_RangePushA] = (NvtxFunctionPointer)push;
	*functions[NVTX_CBID_CORE_RangePop] = (NvtxFunctionPointer)pop;
	attached++;
	return 1;
}

NvtxInitializeInjectionNvtxFunc_t InitializeInjectionNvtx2_fnptr = attach;

static void step(struct ctx *c)
{
	scope_push(c, "unet");
	scope_push_index(c, "blocks", 0);
	op_activation(c, input_f32(c, 1, (int64_t[]){ 2 }, (float[]){ 1, 2 }), ACT_SILU);
	scope_pop(c);
	scope_pop(c);
}

int main(void)
{
	struct ctx *c;

	unsetenv("NVTX_INJECTION64_PATH");
	c = ctx_new(&backend_null, DT_F32, NULL);
	CHECK_INT(attached, 1); /* not only in the first timed step */
	ctx_step_begin(c, PASS_DRY, NULL);
	step(c);
	ctx_step_end(c);
	CHECK_STR(seen, "");
	ctx_step_begin(c, PASS_RUN, NULL);
	step(c);
	CHECK_INT(ctx_step_end(c), 0);
	CHECK_STR(seen, "unet(blocks.0(activation()))");
	ctx_free(c);
	return test_end();
}
#endif
