"""Package of mmsr_ext. ``pip install -e .[lite]`` for ordinary use, ``[full]`` for mmcv's operators."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / 'mmsr_ext' / 'version.py').read_text(), VERSION)

# What MMagic 1.2.0 imports without bounds is bounded here by what it still works with.
REQUIRES = [
    'torch>=2.6',
    'torchvision>=0.21',
    'mmengine>=0.10.7,<0.11',
    'mmagic==1.2.0',
    'numpy>=1.26',
    'opencv-python>=4.9',
    'pillow>=10',
    'matplotlib>=3.7',
    'safetensors>=0.4',
    'diffusers>=0.24,<0.29',
    'transformers>=4.27.4,<4.47',
    'huggingface_hub<0.26',
    'albumentations>=1.3',
    'setuptools<81',
    'lpips>=0.1.4',
    'tifffile',
    'imagecodecs>=2025.3.30',
    'tqdm',
    'scikit-image>=0.22',  # whose photographs are the demo data
]
EXTRAS = {
    # mmcv and mmcv-lite are one package with and without compiled operators, and overwrite each other: choose
    'lite': ['mmcv-lite>=2.0.0,<2.2.0'],
    'full': ['mmcv>=2.0.0,<2.2.0'],
    'export': ['onnx>=1.16', 'onnxruntime>=1.18'],
    'spandrel': ['spandrel>=0.4'],
    'tests': [
        'pytest>=8',
        'pytest-xdist>=3.5',
        'pytest-cov>=5',
        'ruff>=0.9',
        'mypy>=1.15',
        'types-tqdm',
        'scikit-image>=0.22',
        'scipy>=1.11',
        'onnx>=1.16',
        'onnxruntime>=1.18',
        'spandrel>=0.4',
        'playwright>=1.40',
    ],
    'docs': ['mkdocs>=1.6', 'mkdocs-material>=9.5', 'mkdocstrings[python]>=0.26'],
    'demo': [],  # kept for commands that name it: the demo data comes with every installation
}


class BuildWithMim(build_py):
    """Put configs/ and tools/ into mmsr_ext/.mim, where MIM and MMEngine look for them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            _link_mim()
            return
        for folder in ('configs', 'tools', 'docs/images'):
            target = Path(self.build_lib) / 'mmsr_ext' / '.mim' / folder
            shutil.copytree(
                HERE / folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__')
            )
        shutil.copy(HERE / 'model-index.yml', Path(self.build_lib) / 'mmsr_ext' / '.mim')


def _link_mim() -> None:
    mim = HERE / 'mmsr_ext' / '.mim'
    mim.mkdir(exist_ok=True)
    for folder in ('configs', 'tools', 'model-index.yml'):
        link = mim / folder
        link.unlink(missing_ok=True)
        link.symlink_to(HERE / folder)


setup(
    name='mmsr_ext',
    version=VERSION['__version__'],
    description='GAN-based image restoration for MMagic: SRGAN, ESRGAN, Real-ESRGAN, DeblurGAN',
    long_description=(HERE / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmsr_ext', 'mmsr_ext.*']),
    package_data={
        'mmsr_ext': ['py.typed'],
        'mmsr_ext.mos': ['*.html'],
        'mmsr_ext.pretrained': ['*.safetensors', '*.json', '*.LICENSE'],
        'mmsr_ext.evaluation.report': ['*.html', '*.css', '*.js'],
    },
    python_requires='>=3.10,<3.14',
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['mmsr = mmsr_ext.cli.mmsr:main']},
    cmdclass={'build_py': BuildWithMim},
)
