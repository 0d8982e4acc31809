//! `tpl_hit_test`.

use crate::prelude::*;
use crate::read;

/// Detects a point entering or leaving a rectangle, with hysteresis.
///
/// Objects on `values` bring numbers by key, and the newest number of each key is remembered. The point is
/// (`SOURCE_x`, `SOURCE_y`), the rectangle's centre (`TARGET_x`, `TARGET_y`), 0 where nothing came yet, `SOURCE` and
/// `TARGET` being the config's `source` and `target`. While the point is inside, the rectangle is larger by `padding`
/// on every side, so that a point at the border does not flicker; the border belongs to it.
///
/// `enter` sends `HOVER` and `leave` sends `LEAVE` on a change; `inside` tells for every packet. The first packet, of
/// whatever kind, only says where the point is, and counts as outside, unless `fireInitial` is set.
#[derive(Component)]
#[component(id = "tpl_hit_test", title = "Hit Test", category = "flow", prepare)]
#[inport(values: JsonObject, required, "Numbers by key.")]
#[outport(enter: Text, "`HOVER`, when the point enters.")]
#[outport(leave: Text, "`LEAVE`, when it leaves.")]
#[outport(inside: Boolean, "Whether it is inside.")]
#[example(
    config = r#"{"target_width": 100, "target_height": 50}"#,
    steps = r#"[{"values": {"s2_x": 500}}, {"values": {"s2_x": 10}}, {"values": {"s2_x": 59}}]"#,
    outputs = r#"[{"inside": [false]}, {"enter": ["HOVER"], "inside": [true]}, {"leave": ["LEAVE"], "inside": [false]}]"#
)]
pub(super) struct HitTest {
    /// Prefix of the keys of the moving point.
    #[config(default = "s2".to_string(), lenient)]
    source: String,
    /// Prefix of the keys of the rectangle's centre.
    #[config(default = "s0".to_string(), lenient)]
    target: String,
    /// Width of the rectangle.
    #[config(default = 100.0, min = 0, lenient)]
    target_width: f64,
    /// Height of the rectangle.
    #[config(default = 100.0, min = 0, lenient)]
    target_height: f64,
    /// Margin on every side while the point is inside.
    #[config(default = 8.0, min = 0, lenient)]
    padding: f64,
    /// Whether the first packet may already find the point inside.
    #[config(key = "fireInitial", lenient)]
    fire_initial: bool,
    /// Keys of the point's x and y and the centre's x and y.
    #[state]
    keys: [String; 4],
    #[state]
    values: [f64; 4],
    #[state]
    primed: bool,
    #[state]
    inside: bool,
}

impl HitTest {
    fn prepare(&mut self) {
        let Self { source, target, .. } = &*self;
        self.keys = [format!("{source}_x"), format!("{source}_y"), format!("{target}_x"), format!("{target}_y")];
    }

    fn is_hit(&self) -> bool {
        let [x, y, centre_x, centre_y] = self.values;
        let margin = if self.inside { self.padding } else { 0.0 };
        (x - centre_x).abs() <= self.target_width / 2.0 + margin
            && (y - centre_y).abs() <= self.target_height / 2.0 + margin
    }
}

impl Actor for HitTest {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.input(Self::IN_VALUES) else { return Ok(()) };
        let data = read::payload(message);
        for (key, value) in self.keys.iter().zip(&mut self.values) {
            if let Some(number) = data.and_then(|data| data.get(key)).and_then(Value::as_number) {
                *value = number;
            }
        }
        let was_inside = self.inside;
        self.inside = (self.primed || self.fire_initial) && self.is_hit();
        self.primed = true;
        match (was_inside, self.inside) {
            (false, true) => tick.emit(Self::OUT_ENTER, "HOVER"),
            (true, false) => tick.emit(Self::OUT_LEAVE, "LEAVE"),
            _ => {}
        }
        tick.emit(Self::OUT_INSIDE, self.inside);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn the_border_is_wider_while_inside() {
        let xs = [500.0, 50.0, 58.0, 58.5, 50.5];
        let steps = xs.map(|x| json!({"values": {"s2_x": x, "other": "ignored"}}));
        let inside: Vec<_> = run::<HitTest>(json!({}), steps).iter().map(|step| step["inside"][0] == true).collect();
        assert_eq!(inside, [false, true, true, false, false]);
    }

    #[test]
    fn the_first_packet_may_be_of_any_kind() {
        let steps = [json!({"values": 1}), json!({"values": {"s2_x": 0}}), json!({"values": "x"})];
        let outputs = run::<HitTest>(json!({}), steps);
        assert_eq!(outputs[0], json!({"inside": [false]}));
        assert_eq!(outputs[1], json!({"enter": ["HOVER"], "inside": [true]}));
        assert_eq!(outputs[2], json!({"inside": [true]}));
    }

    #[test]
    fn the_first_packet_counts_when_asked_to() {
        let entered = json!({"enter": ["HOVER"], "inside": [true]});
        assert_eq!(run::<HitTest>(json!({"fireInitial": true}), [json!({"values": {}})]), [entered]);
        assert_eq!(run::<HitTest>(json!({}), [json!({"values": {}})]), [json!({"inside": [false]})]);
    }
}
