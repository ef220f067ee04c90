# DF2K and OST (Wang et al. 2021): GT alone, LQ are made in training; 400 px, of which the data preprocessor keeps 256. Validated on DIV2K.
df2k_ost_hint = ('Put sub-images of DIV2K, Flickr2K and OutdoorSceneTraining, at least 400 px wide and high, into data/df2k_ost/GT_sub. Or '
                 'name your own folder: --cfg-options train_dataloader.dataset.gt_folder=FOLDER')

_base_ = 'div2k_x4.py'

train_dataloader = dict(
    batch_size=12,
    num_workers=5,
    dataset=dict(
        _delete_=True, type='ImageDataset', gt_folder='data/df2k_ost/GT_sub', gt_size=400, augment=True, hint=df2k_ost_hint))
