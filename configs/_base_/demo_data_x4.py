# The photographs that tools/prepare_demo_data.py takes from scikit-image: 11 to train on, 4 held out. For
# inheriting configs to name.
_demo_hint = 'Make the demo data: python tools/prepare_demo_data.py'
_demo_train = dict(store='data/demo/train_x4', gt_size=96, hint=_demo_hint)
_demo_val = dict(gt_folder='data/demo/val/GT', lq_folder='data/demo/val/LQx4', lq_name='{}', hint=_demo_hint)
