# The switches for speed that every recipe inherits. None changes what is computed beyond rounding;
# tools/benchmark.py step --switches tells what each is worth.
# Each is set on the command line, too: --cfg-options model.channels_last=False
model = dict(
    channels_last=True,
    # torch.compile, network by network, with its arguments: dict(generator=dict(), discriminator=dict()); or
    # dict(generator=dict(mode='reduce-overhead')) for CUDA graphs. The first iterations then wait for the
    # compiler.
    compile=dict(),
)
default_hooks = dict(
    # what is logged is read from the device once a log interval, not once an iteration
    runtime_info=dict(type='DeferredRuntimeInfoHook'),
    # TensorFloat-32 in float32 convolutions and matrix products on GPUs: faster, 10 bits of mantissa. False
    # makes float32 exact.
    tf32=dict(type='TF32Hook', enabled=True),
)
# Elsewhere, because a recipe names the part itself:
# - half precision: tools/train.py CONFIG --amp (bfloat16 or float16), or optim_wrapper.type =
#   'AmpOptimWrapper';
# - the perceptual network in half precision or compiled: model.perceptual_loss.dtype=bfloat16,
#   model.perceptual_loss.compile.mode=default;
# - optimizers that update all parameters in one pass: fused=True in every recipe's optimizer.
