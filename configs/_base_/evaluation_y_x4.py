# PSNR and SSIM of the one channel that the network makes, 4 px of border left out, on outputs rounded to
# 8 bit; the bicubic baseline beside the model.
val_cfg = dict(type='MultiValLoop')
test_cfg = dict(type='MultiTestLoop')
val_evaluator = dict(
    type='Evaluator',
    metrics=[
        dict(type=metric, convert_to='Y', crop_border=4, pred_key=image, prefix=prefix)
        for image, prefix in [('pred_img', None), ('bicubic_img', 'bicubic')]
        for metric in ['PSNR', 'SSIM']
    ],
)
test_evaluator = val_evaluator
