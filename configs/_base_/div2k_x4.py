# DIV2K (Agustsson and Timofte 2017) x4: 800 images to train on, 100 to validate. The layout is that of the
# official archives; the training pairs are packed, whole, because a crop is all that is read of an image.
_base_ = 'packed_loaders.py'

_div2k_hint = (
    'Put DIV2K there: unpack DIV2K_train_HR.zip, DIV2K_train_LR_bicubic_X4.zip, DIV2K_valid_HR.zip and '
    'DIV2K_valid_LR_bicubic_X4.zip into data/DIV2K. Or train the demo, which needs no download: bash '
    'tools/quickstart.sh'
)
_div2k_pack = (
    'Pack it: python tools/pack_data.py data/DIV2K/DIV2K_train_HR data/DIV2K/train_x4 --lq '
    "data/DIV2K/DIV2K_train_LR_bicubic/X4 --lq-name '{}x4'. Without data: " + _div2k_hint
)

train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    dataset=dict(store='data/DIV2K/train_x4', scale=4, gt_size=96, hint=_div2k_pack),
)
val_dataloader = dict(
    dataset=dict(
        gt_folder='data/DIV2K/DIV2K_valid_HR',
        lq_folder='data/DIV2K/DIV2K_valid_LR_bicubic/X4',
        lq_name='{}x4',
        scale=4,
        hint=_div2k_hint,
    ),
)
test_dataloader = val_dataloader
