# DeblurGAN (Kupyn et al. 2018) from sharp images alone, blurred in training by random camera shake; validated
# on GoPro.
# Deviations from the paper, besides those of deblurgan_gopro.py:
# - DIV2K instead of MSCOCO; any store of sharp images will do, as train_dataloader.dataset.store.
_base_ = ['deblurgan_gopro.py']

_sharp_hint = (
    'Unpack DIV2K_train_HR.zip into data/DIV2K and pack it: python tools/pack_data.py '
    'data/DIV2K/DIV2K_train_HR data/DIV2K/train --gt-only. Or name your own store of sharp images: '
    '--cfg-options train_dataloader.dataset.store=STORE'
)

model = dict(data_preprocessor=dict(type='MotionBlur', length=60.0))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PackedPairs',
        store='data/DIV2K/train',
        gt_size=256,
        augment=True,
        hint=_sharp_hint,
    )
)
