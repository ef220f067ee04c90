# PSNR and SSIM in RGB over the whole image, on outputs rounded to 8 bit; the degraded input itself beside the
# model.
val_cfg = dict(type='MultiValLoop')
test_cfg = dict(type='MultiTestLoop')
val_evaluator = dict(
    type='Evaluator',
    metrics=[
        dict(type=metric, crop_border=0, pred_key=image, prefix=prefix)
        for image, prefix in [('pred_img', None), ('input_img', 'input')]
        for metric in ['PSNR', 'SSIM']
    ],
)
test_evaluator = val_evaluator
