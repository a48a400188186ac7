"""Parts by spec string: `netvlad(clusters=256)` → an encoder.

A family is a folder; each file in it but the contract holds one part, the one
subclass of the family's base. Adding a part is adding a file.
"""

import ast
import importlib
import inspect
import pathlib

from yt8m_distill.errors import InputError

# Folder of each family → its contract file and the base class in it.
FAMILIES = {
    "frame_samplers": ("frame_sampler", "FrameSampler"),
    "input_layers": ("input_layer", "InputLayer"),
    "encoders": ("encoder", "Encoder"),
    "heads": ("head", "Head"),
    "distillation_losses": ("distillation_loss", "DistillationLoss"),
}
# Found in the same way, but no parts of a model.
OTHER_FAMILIES = {
    "paper_tables": ("paper_table", "PaperTable"),
    "report_sections": ("report_section", "ReportSection"),
}
# The paper's notation, as in --student_losses=rep,pred,ce
SHORT_NAMES = {
    "rep": "representation",
    "block_rep": "block_representation",
    "pred": "prediction",
    "ce": "cross_entropy",
}


def names(family):
    """The parts of a family, sorted; imports nothing.

    Args:
        family: str, a key of `FAMILIES` or `OTHER_FAMILIES`.
    """
    folder = pathlib.Path(__file__).parent / family
    contract, _ = {**FAMILIES, **OTHER_FAMILIES}[family]
    return sorted(
        file.stem
        for file in folder.glob("*.py")
        if file.stem not in ("__init__", contract)
    )


def check_name(family, name):
    """Refuses the name of a part that is not there; imports nothing.

    Args:
        family: str, a key of `FAMILIES` or `OTHER_FAMILIES`.
        name: str, the part's file name.

    Raises:
        InputError: there is no such part; lists those that are.
    """
    known = names(family)
    if name not in known:
        raise InputError(
            f"no {name!r} among the {family}; known: {', '.join(known)}"
        )


def get_class(family, name):
    """The class of a part.

    Args:
        family: str, a key of `FAMILIES` or `OTHER_FAMILIES`.
        name: str, the part's file name.

    Raises:
        InputError: there is no such part; lists those that are.
    """
    check_name(family, name)
    contract, base_name = {**FAMILIES, **OTHER_FAMILIES}[family]
    base = getattr(
        importlib.import_module(f"yt8m_distill.{family}.{contract}"), base_name
    )
    module = importlib.import_module(f"yt8m_distill.{family}.{name}")
    (found,) = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    return found


def constructor_parameters(part):
    """The arguments that a part's constructor takes by name.

    Args:
        part: class.

    Returns:
        dict name → `inspect.Parameter`.
    """
    # That of the class is that of Keras' `__new__` in early Pythons 3.11.
    _, *parameters = inspect.signature(part.__init__).parameters.values()
    return {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }


def get(family, spec, **context):
    """Builds a part from its spec.

    Args:
        family: str, a key of `FAMILIES`.
        spec: str, `name` or `name(argument=literal, …)`.
        **context: arguments that follow from elsewhere (`num_classes`,
            `feature_sizes`, …); used where the constructor takes them and the
            spec does not give them.

    Raises:
        InputError: the spec is malformed, names no part, or the part does not
            take these arguments.
    """
    name, arguments = parse(spec)
    part = get_class(family, name)
    parameters = constructor_parameters(part)
    known = list(parameters)
    unknown = [argument for argument in arguments if argument not in known]
    if unknown:
        raise InputError(
            f"{spec!r}: {name} takes no argument {unknown[0]!r}; it takes "
            f"{', '.join(known) or 'none'}"
        )
    given = {key: value for key, value in context.items() if key in known}
    arguments = {**given, **arguments}
    for argument, parameter in parameters.items():
        if parameter.default is parameter.empty and argument not in arguments:
            raise InputError(f"{spec!r} lacks {argument}: {name}({argument}=…)")
    try:
        return part(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(f"{spec!r}: {error}") from None


def get_all(family, specs):
    """Builds the parts of a comma-separated list of specs.

    Returns:
        dict name → part, in the order of the list.

    Raises:
        InputError: as `get`, or a name stands twice.
    """
    parts = {}
    for spec in split(specs):
        name, _ = parse(spec)
        if name in parts:
            raise InputError(f"{specs!r} names {name!r} twice; once is enough")
        parts[name] = get(family, spec)
    return parts


def parse(spec):
    """Splits `name(argument=literal, …)` into its name and arguments.

    Raises:
        InputError: anything but a name and literal keyword arguments.
    """
    try:
        node = ast.parse(spec.strip(), mode="eval").body
        if isinstance(node, ast.Call):
            call, node = node, node.func
            if call.args or any(word.arg is None for word in call.keywords):
                raise ValueError
            arguments = {
                word.arg: ast.literal_eval(word.value) for word in call.keywords
            }
        else:
            arguments = {}
        if not isinstance(node, ast.Name):
            raise ValueError
    except (SyntaxError, ValueError):
        raise InputError(
            f"{spec!r} is no part; expected name or name(argument=value, …) "
            "with plain values"
        ) from None
    return SHORT_NAMES.get(node.id, node.id), arguments


def with_arguments(spec, **arguments):
    """A part's spec with more, or other, arguments.

    Raises:
        InputError: the spec is malformed.
    """
    name, given = parse(spec)
    values = {**given, **arguments}
    return f"{name}({', '.join(f'{k}={v!r}' for k, v in values.items())})"


def split(specs):
    """Splits a comma-separated list of specs at its outer commas."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(specs):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append(specs[start:position])
            start = position + 1
    return [part.strip() for part in [*parts, specs[start:]] if part.strip()]
