# Crops out of a packed store to train on, whole pairs from two folders to validate and test on.
train_dataloader = dict(
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='InfiniteDraws'),
    # the full name, because MMEngine looks functions up without the default scope
    collate_fn=dict(type='mmsr_ext.stack_images'),
    dataset=dict(type='PackedPairs', augment=True),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PairedImageDataset'),
)
test_dataloader = val_dataloader
