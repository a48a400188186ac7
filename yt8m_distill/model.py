"""The model: frame sampler, input layer, encoder and head in one."""

import importlib
import json
import os
import zipfile

import keras
from keras import ops

from yt8m_distill import files, parts
from yt8m_distill.errors import InputError
from yt8m_distill.video_ensemble import VideoEnsemble

# What Keras' format does not hold, in the same archive.
STEP_ENTRY = "training_step"


@keras.saving.register_keras_serializable("yt8m_distill.model")
class VideoClassifier(keras.Model):
    """Tags videos from the frames its sampler chooses.

    It takes batches whose frames were already chosen: by the reader, which then
    never decodes the others, or with `model.frame_sampler(batch)`. The sampler
    is part of the model so that whoever has the model knows what to read.

    Args:
        frame_sampler: a `FrameSampler`.
        input_layer: an `InputLayer`.
        encoder: an `Encoder`.
        head: a `Head`.

    Call arguments:
        batch: dict with `frames` `(batch, k, feature_size)` uint8 (or float,
            never quantised) and `num_frames` int32 `(batch,)`; from
            `frame_positions` int32 `(batch, k)`, if there, `block_ends` are
            told as frames of the video; other entries are not used.
        training: bool.

    Output:
        dict with `representation` `(batch, representation_dim)`, `logits`
        `(batch, num_classes)` and the encoder's other outputs.
    """

    def __init__(self, frame_sampler, input_layer, encoder, head, **kwargs):
        super().__init__(**kwargs)
        self.frame_sampler = frame_sampler
        self.input_layer = input_layer
        self.encoder = encoder
        self.head = head

    @property
    def num_classes(self):
        return self.head.num_classes

    @property
    def feature_sizes(self):
        return self.encoder.feature_sizes

    @property
    def representation_dim(self):
        return self.encoder.representation_dim

    @property
    def num_frames(self):
        """Frames of a video that it looks at, at most."""
        return self.frame_sampler.k

    @property
    def output_shapes(self):
        """Shapes of what a call gives, a dict; unknown sizes are None."""
        return {
            **self.encoder.output_shapes,
            "logits": (None, self.num_classes),
        }

    def build(self, input_shape=None):
        if self.built:
            return
        # A loaded encoder and head are built by Keras before.
        if not self.encoder.built:
            self.encoder.build(
                (None, self.frame_sampler.k, sum(self.feature_sizes))
            )
        if not self.head.built:
            self.head.build((None, self.encoder.representation_dim))
        for part in (self.frame_sampler, self.input_layer):
            part.built = True
        self.built = True

    def call(self, batch, training=False):
        num_frames = batch["num_frames"]
        frames = self.input_layer(batch["frames"], num_frames)
        outputs = self.encoder(frames, num_frames, training=training)
        if "block_ends" in outputs and "frame_positions" in batch:
            outputs["block_ends"] = ops.take_along_axis(
                batch["frame_positions"], outputs["block_ends"], axis=1
            )
        outputs["logits"] = self.head(
            outputs["representation"], training=training
        )
        # Losses and predictions stay exact under mixed precision.
        return {
            key: ops.cast(value, "float32")
            if keras.backend.is_float_dtype(value.dtype)
            else value
            for key, value in outputs.items()
        }

    def count_flops(self, num_frames=None):
        """FLOPs for one video: 2 × the multiply-adds of the complete model.

        Args:
            num_frames: int, frames of the video; None: as many as the sampler
                takes at most.
        """
        frames = self.frame_sampler.k
        if num_frames is not None:
            frames = int(self.frame_sampler.num_chosen(num_frames))
        return self.encoder.count_flops(frames) + self.head.count_flops()

    def get_config(self):
        return {
            **super().get_config(),
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in ("frame_sampler", "input_layer", "encoder", "head")
            },
        }

    def get_build_config(self):
        # Keras builds a loaded model only where this is not empty.
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict) and "registered_name" in value
                else value
                for key, value in config.items()
                if key != "dtype"
            }
        )


def copy_weights(source, target):
    """Copies the weights whose path and shape agree.

    Args:
        source: a built Keras layer or model.
        target: another.

    Returns:
        Tuple of int: how many were copied, and how many the target has.
    """

    def by_path(layer):
        # Without the layer's own name, which Keras numbers.
        return {
            weight.path.partition(f"{layer.name}/")[2]: weight
            for weight in layer.weights
        }

    sources, targets = by_path(source), by_path(target)
    same = [
        path
        for path, weight in targets.items()
        if path in sources and sources[path].shape == weight.shape
    ]
    for path in same:
        targets[path].assign(sources[path])
    return len(same), len(targets)


def build(
    frame_sampler,
    encoder,
    head,
    input_layer="l2",
    *,
    num_classes,
    feature_sizes,
    max_frames=300,
    name=None,
):
    """Builds a model from the specs of its parts.

    Args:
        frame_sampler: str such as `"uniform(k=30)"`.
        encoder: str such as `"netvlad(clusters=256)"`.
        head: str such as `"logistic"`, or the head of another model, which
            both then share.
        input_layer: str such as `"l2"`.
        num_classes: int, size of the vocabulary.
        feature_sizes: sizes of the features that make up a frame, in order.
        max_frames: int, the frames that `all_frames` sees.
        name: str, the Keras name.

    Returns:
        A `VideoClassifier` with fresh weights.

    Raises:
        InputError: a spec names no part, or gives it arguments that it does not
            take or that do not fit the features; or a shared head is made for
            another width or vocabulary.
    """
    context = {
        "num_classes": num_classes,
        "feature_sizes": feature_sizes,
        "max_frames": max_frames,
    }
    built_encoder = parts.get("encoders", encoder, **context)
    if isinstance(head, str):
        head = parts.get("heads", head, **context)
    else:
        made_for = (head.input_width, head.num_classes)
        needed = (built_encoder.representation_dim, num_classes)
        if made_for != needed:
            raise InputError(
                f"a head for {made_for[0]} values and {made_for[1]} classes "
                f"cannot be shared with {encoder!r}, which has {needed[0]} "
                f"values, and {needed[1]} classes; give both models the same"
            )
    model = VideoClassifier(
        parts.get("frame_samplers", frame_sampler, **context),
        parts.get("input_layers", input_layer, **context),
        built_encoder,
        head,
        name=name,
    )
    try:
        model.build()
    except ValueError as error:
        raise InputError(f"{encoder!r}: {error}") from None
    return model


def load(path):
    """Loads a model saved by `save`.

    Args:
        path: str, a `.keras` file.

    Returns:
        A `VideoClassifier`, whose `step` is the training steps that it has
        behind it, an int; None: the file does not tell.

    Raises:
        InputError: there is no such file, or it holds another kind of model.
    """
    # Keras opens the path again: a training may save another model meanwhile.
    while True:
        before = files.identity(path)
        try:
            model = _loaded(path)
        except Exception:
            if files.identity(path) == before:
                raise
        else:
            if files.identity(path) == before:
                return model


def _loaded(path):
    """As `load`, of a file that stays as it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except FileNotFoundError:
        raise InputError(f"no model at {path}") from None
    except (zipfile.BadZipFile, KeyError):
        raise InputError(f"{path} is no Keras model; copy it anew") from None
    # Parts register themselves when their file is imported.
    for module in _part_modules(config):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            raise InputError(
                f"{path} needs the part {module}, which is not installed"
            ) from None
    model = keras.saving.load_model(path, compile=False)
    if not isinstance(model, VideoClassifier | VideoEnsemble):
        raise InputError(
            f"{path} holds a {type(model).__name__}, no VideoClassifier"
        )
    model.step = saved_step(path)
    return model


def save(model, path, step=None):
    """Saves a model whole or not at all.

    Args:
        model: a `VideoClassifier`.
        path: str ending in `.keras`.
        step: int, training steps that it has behind it, kept in the file for
            `saved_step`; None: not known.
    """
    temporary = f"{path.removesuffix('.keras')}.partial.keras"
    model.save(temporary)
    if step is not None:
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(STEP_ENTRY, str(step))
    os.replace(temporary, path)


def saved_step(path):
    """Training steps that a saved model has behind it; None: not known.

    Args:
        path: str, a file written by `save`.
    """
    with zipfile.ZipFile(path) as archive:
        if STEP_ENTRY in archive.namelist():
            return int(archive.read(STEP_ENTRY))
    return None


def _part_modules(config):
    """The modules of this package that a saved config names."""
    if isinstance(config, dict):
        name = str(config.get("registered_name"))
        if name.startswith("yt8m_distill."):
            yield name.partition(">")[0]
        config = config.values()
    elif not isinstance(config, list):
        return
    for value in config:
        yield from _part_modules(value)
