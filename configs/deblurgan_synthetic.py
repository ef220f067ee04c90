# DeblurGAN (Kupyn et al. 2018) from sharp images alone, blurred in training by random camera shake; validated on GoPro.
# Deviations from the paper, besides those of deblurgan_gopro.py:
# - DIV2K instead of MSCOCO; any folder of sharp images will do, as train_dataloader.dataset.gt_folder.
_base_ = ['deblurgan_gopro.py']

sharp_hint = 'Put DIV2K there: unpack DIV2K_train_HR.zip into data/DIV2K. Or name your own folder of sharp images as gt_folder.'

model = dict(data_preprocessor=dict(type='MotionBlur', length=60.0))
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='ImageDataset', gt_folder='data/DIV2K/DIV2K_train_HR', gt_size=256, augment=True, hint=sharp_hint))
