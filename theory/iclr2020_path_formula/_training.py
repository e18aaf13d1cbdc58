"""Teacher and students of the path formula paper's section 7, trained by full-batch gradient descent.

A two-layer linear student of any width has an exact small state: with Q = [W | v | A | b], weights and velocities side
by side, a step multiplies Q from the right by a matrix that depends on the residual only, so that the Gram matrix Q^T Q
is all there is to follow. A student of width 100 000 trains as fast as one of width 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit

__all__ = [
    "Student",
    "StudentRun",
    "Teacher",
    "draw_student",
    "draw_teacher",
    "sigmoid",
    "student_kernel",
    "train_linear_student",
    "train_student",
]

Activation = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""z -> (sigma(z), sigma'(z))."""

DEVIATION = 0.1
"""Standard deviation of every initial weight, of the teacher and of the students."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """Inputs and targets of the teacher 50-100-1."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Student:
    """Initial weights of a two-layer student."""

    W: Float[np.ndarray, "m d"]
    v: Float[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class StudentRun:
    """Losses at every step, |u - y|^2/2, and what the records asked for."""

    losses: Float[np.ndarray, " k"]
    final: Student
    scale: Float[np.ndarray, " k"]
    """Product of the scalar layers at every step; ones without scalar layers."""
    snapshots: tuple[Student, ...] = ()


def sigmoid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logistic sigmoid and its derivative."""
    value = expit(z)
    return value, value * (1.0 - value)


def draw_teacher(
    samples: int,
    *,
    activation: Activation,
    seed: int,
    inputs: int = 50,
    hidden: int = 100,
    deviation: float | None = None,
) -> Teacher:
    """Draw Gaussian inputs and a random teacher; with `deviation` the targets are scaled to that root mean square."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, inputs))
    W, v = DEVIATION * rng.standard_normal((hidden, inputs)), DEVIATION * rng.standard_normal(hidden)
    y = activation(X @ W.T)[0] @ v
    return Teacher(X, y if deviation is None else y * (deviation / np.sqrt(np.mean(y**2))))


def draw_student(width: int, inputs: int, *, seed: int, zero_output: bool = False) -> Student:
    """Draw a student; with `zero_output` neurons come in pairs of opposite v, so that the outputs start at 0."""
    rng = np.random.default_rng(seed)
    half = width // 2 if zero_output else width
    W, v = DEVIATION * rng.standard_normal((half, inputs)), DEVIATION * rng.standard_normal(half)
    return Student(np.concatenate([W, W]), np.concatenate([v, -v])) if zero_output else Student(W, v)


def student_kernel(X: Float[np.ndarray, "n d"], student: Student, activation: Activation) -> Float[np.ndarray, "n n"]:
    """Return H of a two-layer student, both layers trained, (16) of the paper."""
    values, slopes = activation(X @ student.W.T)
    weighted = slopes * student.v
    kernel: Float[np.ndarray, "n n"] = values @ values.T + (weighted @ weighted.T) * (X @ X.T)
    return kernel


def train_student(
    teacher: Teacher,
    student: Student,
    activation: Activation,
    *,
    rate: float,
    steps: int,
    snapshots_every: int = 0,
) -> StudentRun:
    """Train both layers of a two-layer student by gradient descent on |u - y|^2/2."""
    W, v = student.W.copy(), student.v.copy()
    losses, kept = np.empty(steps + 1), []
    for step in range(steps + 1):
        values, slopes = activation(teacher.X @ W.T)
        error = values @ v - teacher.y
        losses[step] = 0.5 * error @ error
        if snapshots_every and step % snapshots_every == 0:
            kept.append(Student(W.copy(), v.copy()))
        if step < steps:
            slopes *= error[:, None]
            slopes *= v
            v -= rate * (values.T @ error)
            W -= rate * (slopes.T @ teacher.X)
    return StudentRun(losses, Student(W, v), np.ones(steps + 1), tuple(kept))


def train_linear_student(
    teacher: Teacher,
    student: Student,
    *,
    rate: float,
    steps: int,
    scalars: int = 0,
    momentum: float = 0.0,
) -> StudentRun:
    """Train a linear student, with trained scalar layers on top, by gradient descent or heavy ball, exactly reduced.

    Parameters
    ----------
    rate : learning rate of |u - y|^2/2
    scalars : number of scalar layers on top, each starting at 1
    momentum : coefficient m_0 of (18)

    Returns
    -------
    StudentRun whose `final` weights are the initial ones: the reduced state does not keep them
    """
    d = student.W.shape[1]
    Q = np.concatenate([student.W, student.v[:, None]], axis=1)
    size = d + 1
    gram = Q.T @ Q
    cross, moving = np.zeros((2, size, size))  # weights against velocities, velocities against velocities
    top, speed = np.ones(scalars), np.zeros(scalars)
    losses, scale = np.empty(steps + 1), np.empty(steps + 1)
    push = np.zeros((size, size))
    for step in range(steps + 1):
        plain = teacher.X @ gram[:d, d]
        c = float(top.prod())
        error = c * plain - teacher.y
        losses[step], scale[step] = 0.5 * error @ error, c
        if step == steps:
            break
        q = c * (teacher.X.T @ error)
        push[:d, d], push[d, :d] = -rate * q, -rate * q  # W gains -rate v q^T, v gains -rate W q
        if momentum == 0.0:
            moved = gram + gram @ push
            gram = moved + push @ moved
        else:
            mixed = push @ cross
            moving = momentum**2 * moving + momentum * (mixed + mixed.T) + push @ gram @ push
            cross = momentum * cross + gram @ push
            gram = gram + cross + cross.T + moving
            cross = cross + moving
        speed = momentum * speed - rate * (c / top) * float(plain @ error)
        top = top + speed
    return StudentRun(losses, student, scale)
