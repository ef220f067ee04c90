# The first stage of realesrgan_x4_compact.py: realesrnet_x4.py with the compact generator of Real-ESRGAN's
# general-x4v3, from scratch.
# Deviation: how the released model was trained is not published; these are the figures for RRDBNet.
_base_ = ['realesrnet_x4.py']

init_generator = None

model = dict(
    generator=dict(
        _delete_=True, type='SRVGGNetCompact', mid_channels=64, num_convs=32, scale=4, act_type='prelu'
    )
)
