# PSNR and SSIM of the one channel that the network makes, a border as wide as the scale left out, on outputs
# rounded to 8 bit; the bicubic baseline beside the model.
val_cfg = dict(type='MultiValLoop')
test_cfg = dict(type='MultiTestLoop')
val_evaluator = dict(
    type='Evaluator',
    metrics=[
        dict(type=metric, convert_to='Y', crop_border='scale', pred_key=image, prefix=prefix)
        for image, prefix in [('pred_img', None), ('bicubic_img', 'bicubic')]
        for metric in ['PSNR', 'SSIM']
    ],
)
test_evaluator = val_evaluator
