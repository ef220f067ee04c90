# What every recipe shares: the restorer, hooks, logging, processes.
_base_ = 'fast.py'

# images of 8 bits are scaled to [0, 1]; the bicubic image is measured beside the output
model = dict(
    type='GANRestorer',
    test_cfg=dict(baseline='bicubic'),
    data_preprocessor=dict(type='ImagePreprocessor', mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
)
train_cfg = dict(type='IterBasedTrainLoop')

custom_imports = dict(imports=['mmsr_ext'], allow_failed_imports=False)
default_scope = 'mmsr_ext'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=5000, by_epoch=False, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # a non-finite update is skipped and logged; so many in a row stop the run
    update_guard=dict(type='UpdateGuardHook', limit=50, collapse_after=1000),
    progress=dict(type='ProgressHook'),
    validation_time=dict(type='ValidationTimeHook'),
    resume=dict(type='ExactResumeHook'),
    stop=dict(type='StopHook'),
    history=dict(type='BoundedHistoryHook', length=1000),
)

# at validation and test: bicubic | output | ground truth, as one picture an image, in
# work_dirs/<run>/<time>/vis_data/vis_image
custom_hooks = [dict(type='BasicVisualizationHook', interval=10)]
visualizer = dict(
    type='ConcatImageVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    fn_key='gt_path',
    img_keys=['bicubic_img', 'pred_img', 'gt_img'],
    bgr2rgb=True,
)

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=1),
    dist_cfg=dict(backend='nccl'),
)
# the full name, because MMEngine looks model wrappers up without the default scope
model_wrapper_cfg = dict(type='mmsr_ext.engine.SeparateDDP')

log_level = 'INFO'
log_processor = dict(type='LogProcessor', window_size=100, by_epoch=False)
load_from = None
resume = False
