# DF2K and OST (Wang et al. 2021): GT alone, LQ are made in training; 400 px, of which the data preprocessor keeps 256. Validated on DIV2K.
df2k_ost_hint = ('Put sub-images of DIV2K, Flickr2K and OutdoorSceneTraining, at least 400 px wide and high, into data/df2k_ost/GT_sub. Or '
                 'name your own folder: --cfg-options train_dataloader.dataset.gt_folder=FOLDER')
div2k_hint = ('Put DIV2K there: unpack DIV2K_valid_HR.zip and DIV2K_valid_LR_bicubic_X4.zip into data/DIV2K.')

train_dataloader = dict(
    batch_size=12,
    num_workers=5,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='InfiniteDraws'),
    dataset=dict(type='ImageDataset', gt_folder='data/df2k_ost/GT_sub', gt_size=400, augment=True, hint=df2k_ost_hint))

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedImageDataset',
        gt_folder='data/DIV2K/DIV2K_valid_HR',
        lq_folder='data/DIV2K/DIV2K_valid_LR_bicubic/X4',
        lq_name='{}x4',
        scale=4,
        hint=div2k_hint))
test_dataloader = val_dataloader
