# DF2K and OST (Wang et al. 2021): GT alone, LQ is made in training; 400 px, of which the data preprocessor
# keeps 256. Validated on DIV2K.
_df2k_ost_hint = (
    'Put the images of DIV2K, Flickr2K and OutdoorSceneTraining, 400 px or more wide and high, into '
    'data/df2k_ost/GT and pack them: python tools/pack_data.py data/df2k_ost/GT data/df2k_ost/train '
    '--gt-only. Or name a store of your own: --cfg-options train_dataloader.dataset.store=STORE'
)

_base_ = 'div2k_x4.py'

train_dataloader = dict(
    batch_size=12,
    num_workers=5,
    dataset=dict(
        _delete_=True,
        type='PackedPairs',
        store='data/df2k_ost/train',
        gt_size=400,
        augment=True,
        hint=_df2k_ost_hint,
    ),
)
