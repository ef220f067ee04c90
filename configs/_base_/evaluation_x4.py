# PSNR and SSIM in Y and in RGB, a border as wide as the scale left out, on outputs rounded to 8 bit; the
# bicubic baseline beside the model.
val_cfg = dict(type='MultiValLoop')
test_cfg = dict(type='MultiTestLoop')
val_evaluator = dict(
    type='Evaluator',
    metrics=[
        dict(type=metric, convert_to=channel, crop_border='scale', pred_key=image, prefix=prefix)
        for image, prefix in [('pred_img', None), ('bicubic_img', 'bicubic')]
        for metric in ['PSNR', 'SSIM']
        for channel in ['Y', None]
    ],
)
test_evaluator = val_evaluator
