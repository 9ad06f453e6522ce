"""What the page on backpropagation through time does in the browser: a loss that is pointed at lights its way."""

from .test_signals import changed, point


def test_pointing_at_a_loss_lights_the_way_of_its_gradient_without_the_server(visit):
    visitor = visit("/bptt?panels=Sequence tasks&lang=en")
    point(visitor, "tasks", 0.5, 0.5)  # on no loss
    before, sent = visitor.shot("tasks"), visitor.sent
    point(visitor, "tasks", *loss(before))
    visitor.until(lambda: changed(before, visitor.shot("tasks")) > 200)
    assert visitor.sent == sent
    point(visitor, "tasks", 0.5, 0.99)
    visitor.until(lambda: changed(before, visitor.shot("tasks")) < 50)


def loss(picture) -> tuple[float, float]:
    """The uppermost loss at the left, as shares of the picture: the first red pixels in reading order by column."""
    wide, high = picture.size
    red = [
        (x, y)
        for x in range(wide // 2)
        for y in range(high // 3)
        if (p := picture.getpixel((x, y)))[0] > 150 and p[1] < 90 and p[2] < 90
    ]
    left = min(x for x, _ in red)
    near = [(x, y) for x, y in red if x < left + 20]
    middle = sum(y for _, y in near) / len(near)
    return (left + 8) / wide, middle / high
