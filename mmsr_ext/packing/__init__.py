"""Pack folders of images into stores, and make LQ/GT pairs."""
