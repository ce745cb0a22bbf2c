# Plants a student's project with one module, whose answers nobody knows before.
mkdir /work/project && chmod 777 /work/project
cat >"/work/project/$PARAMETER_MODULE.py" <<MODULE
"""A student's module."""


def turn(number):
    return number * $RANDOM$RANDOM + $RANDOM
MODULE
