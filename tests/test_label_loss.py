import pytest

from yt8m_distill import config, label_loss, parts
from yt8m_distill.errors import InputError


def losses(*arguments):
    return label_loss.student_losses(config.parse("train", arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "ce"),
        (["--teacher_dir=t"], "rep,pred,ce"),
        (["--label_loss=CrossEntropyLoss"], "ce(epsilon=1e-5)"),
        (["--label_loss=HingeLoss"], "hinge"),
        (["--label_loss=SoftmaxLoss"], "softmax"),
        (
            ["--label_loss=HingeLoss", "--teacher_encoder=same"],
            "rep,pred,hinge",
        ),
        (["--student_losses=pred"], "pred"),
    ],
)
def test_which_losses_a_run_learns_from(arguments, expected):
    assert losses(*arguments) == expected
    assert parts.get_all("distillation_losses", expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label_loss=BlaLoss"], "--label_loss=BlaLoss; give CrossEntropy"),
        (
            ["--label_loss=HingeLoss", "--student_losses=ce"],
            "exclude each other; HingeLoss is 'hinge' in --student_losses",
        ),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        losses(*arguments)
