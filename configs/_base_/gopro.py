# GoPro (Nah et al. 2017), GOPRO_Large: 2,103 pairs to train on, 1,111 to validate, 1280x720. The layout is
# that of the official archive:
# train/<sequence>/blur, blur_gamma and sharp. Of the two blurs this takes the linear one. Training pairs are
# packed.
_base_ = 'packed_loaders.py'

_gopro_hint = (
    'Put GoPro there: unpack GOPRO_Large.zip into data/GoPro, so that data/GoPro/train/GOPR0372_07_00/blur '
    'exists.'
)

_gopro_pack = (
    "Pack it: python tools/pack_data.py 'data/GoPro/train/*/sharp' data/GoPro/train_pairs --lq "
    "'data/GoPro/train/*/blur'. "
    'Without data: ' + _gopro_hint
)

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    dataset=dict(store='data/GoPro/train_pairs', scale=1, gt_size=256, hint=_gopro_pack),
)
val_dataloader = dict(
    dataset=dict(
        gt_folder='data/GoPro/test/*/sharp', lq_folder='data/GoPro/test/*/blur', scale=1, hint=_gopro_hint
    ),
)
test_dataloader = val_dataloader
