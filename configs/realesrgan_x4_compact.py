# Real-ESRGAN x4 with the compact generator of its general-x4v3: 1.2 million parameters, all convolutions at
# the size of LQ.
# Deviation: how the released model was trained is not published; these are the figures for RRDBNet.
_base_ = ['realesrgan_x4.py']

# where configs/realesrnet_x4_compact.py leaves its last checkpoint; None trains from scratch
init_generator = 'work_dirs/realesrnet_x4_compact/iter_1000000.pth'

model = dict(
    generator=dict(
        _delete_=True,
        type='SRVGGNetCompact',
        mid_channels=64,
        num_convs=32,
        scale=4,
        act_type='prelu',
        init_cfg=dict(type='Pretrained', checkpoint=init_generator, prefix='generator_ema'),
    )
)
