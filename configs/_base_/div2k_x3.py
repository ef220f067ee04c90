# DIV2K (Agustsson and Timofte 2017) x3, in the layout of the official archives; see div2k_x4.py.
_base_ = 'packed_loaders.py'

_div2k_hint = (
    'Put DIV2K there: unpack DIV2K_train_HR.zip, DIV2K_train_LR_bicubic_X3.zip, DIV2K_valid_HR.zip and '
    'DIV2K_valid_LR_bicubic_X3.zip into data/DIV2K.'
)
_div2k_pack = (
    'Pack it: python tools/pack_data.py data/DIV2K/DIV2K_train_HR data/DIV2K/train_x3 --lq '
    "data/DIV2K/DIV2K_train_LR_bicubic/X3 --lq-name '{}x3'. Without data: " + _div2k_hint
)

train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    dataset=dict(store='data/DIV2K/train_x3', scale=3, gt_size=96, hint=_div2k_pack),
)
val_dataloader = dict(
    dataset=dict(
        gt_folder='data/DIV2K/DIV2K_valid_HR',
        lq_folder='data/DIV2K/DIV2K_valid_LR_bicubic/X3',
        lq_name='{}x3',
        scale=3,
        hint=_div2k_hint,
    ),
)
test_dataloader = val_dataloader
