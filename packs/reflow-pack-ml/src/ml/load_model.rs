//! `tpl_ml_load_model`.

use std::path::Path;

use reflow_assets::Store;
use reflow_pack_sdk::prelude::*;

use super::config::{ModelConfig, data};
use crate::engine::{self, FileKind};
use crate::media::object;
use crate::model::{Backend, Info, Manifest, ModelBytes, Models, default_outputs};

/// Resolves a model (asset database, manifest, file, bytes or config) to model info and bytes.
///
/// It is looked for in this order: an asset (the packet on `asset_id`, or the config), whose metadata is a manifest and whose content, or that of
/// the manifest's `assetId`, is the model; the manifest on `manifest`; the one in the config; `model` in the config; a file, `path`; and the
/// plain keys. A node that nothing feeds does so once. Where a manifest is known, bytes must have its checksum. With `manifest` and `model_data` both connected they are taken
/// together.
///
/// `model` is `{id, backend, task, inputs, outputs, metadata}`. Names, types and shapes that nobody gave are read off the file, a dimension
/// that is not fixed being 0; `metadata.modelRef` lets `tpl_ml_run_inference` find the bytes without another wire. Without a word
/// on the backend, files are run by `tract` (by `onnx` where it cannot and ONNX Runtime is there), and models without bytes by `mock`.
///
/// # Errors
///
/// On `error`: an unknown asset, a bad manifest (see the guide), a licence that is not allowed, another checksum, malformed specs, a file that
/// cannot be read.
#[derive(Component)]
#[component(id = "tpl_ml_load_model", title = "Load Model", category = "ml", blocking, per_node, open_ports, source = to_the_end)]
#[inport(manifest: Any, "A model manifest.")]
#[inport(asset_id: Text, "The asset that holds the model.")]
#[inport(model_data: Any, "The bytes of the model.")]
#[outport(model: JsonObject, "What is known of the model.")]
#[outport(manifest: JsonObject, "The manifest, if there is one.")]
#[outport(model_data: Bytes, "The bytes, if there are any.")]
#[outport(error: ErrorText, "Why there is no model.")]
pub(crate) struct LoadModel {
    /// The asset that holds the model.
    #[config(alias = "assetId", alias = "model_asset_id", alias = "modelAssetId")]
    asset_id: Option<String>,
    /// The asset database.
    #[config(key = "$db", alias = "dbPath", alias = "assetDbPath", default = "./assets.db".to_string())]
    database: String,
    /// A model manifest.
    #[config(alias = "modelManifest")]
    manifest: Option<Value>,
    #[config(group)]
    config: ModelConfig,
    /// The only licences that are taken. Where it is not given all are, and the node's log tells of those that are none of `apache-2.0`,
    /// `mit`, `bsd-2-clause`, `bsd-3-clause`.
    #[config(key = "allowedLicenses")]
    allowed_licenses: Option<Vec<String>>,
    #[state]
    models: Models,
}

/// A model that was found.
struct Found {
    info: Info,
    manifest: Option<Manifest>,
    bytes: Option<ModelBytes>,
}

impl LoadModel {
    fn firing(&self, connected: &[&str]) -> Firing {
        let is_pair = connected.contains(&"manifest") && connected.contains(&"model_data");
        if is_pair { Firing::All { latest: Vec::new(), optional: vec!["asset_id".into()] } } else { Firing::Any }
    }

    fn find(&self, tick: &mut Tick<'_>) -> Result<Found, String> {
        let undeclared = tick.input_named("assetId").and_then(Message::as_text).map(ToString::to_string);
        let asset = tick.input(Self::IN_ASSET_ID).and_then(Message::as_text).map(ToString::to_string).or(undeclared);
        if tick.input(Self::IN_ASSET_ID).is_some() && asset.is_none() {
            return Err("expected a text on `asset_id`".to_string());
        }
        let packet =
            tick.input(Self::IN_MANIFEST).map(|message| object(Some(message), "a model manifest")).transpose()?;
        let data = tick.input(Self::IN_MODEL_DATA).map(data).transpose()?;
        let has_packet = packet.is_some() || data.is_some();
        if let Some(asset) = asset.as_deref().or(self.asset_id.as_deref().filter(|_| !has_packet)) {
            return self.from_asset(asset);
        }
        let manifest = packet.as_ref().or(self.manifest.as_ref()).map(Manifest::read).transpose()?;
        let mut info = match (&manifest, &self.config.model) {
            (Some(manifest), _) => manifest.info(),
            (None, Some(model)) => Info::read(model)?,
            (None, None) => self.config.plain()?,
        };
        let bytes = match (data, &self.config.path) {
            (Some(data), _) => Some(self.models.of(&data)),
            (None, Some(path)) => {
                let bytes = self.models.read(path)?;
                info.note("path", path.as_str());
                if manifest.is_none() && self.config.model.is_none() {
                    info.id = self.config.named(info.id);
                }
                Some(bytes)
            }
            (None, None) => None,
        };
        Ok(Found { info, manifest, bytes })
    }

    fn from_asset(&self, asset: &str) -> Result<Found, String> {
        let database = &self.database;
        let wrong = |error: &dyn std::fmt::Display| format!("the asset `{asset}` in `{database}`: {error}");
        if database != ":memory:" && !Path::new(database).exists() {
            return Err(wrong(&"there is no such database"));
        }
        let store = Store::open(database).map_err(|error| wrong(&error))?;
        let found = store.get(asset).map_err(|error| wrong(&error))?;
        let manifest = Manifest::read(&found.entry.metadata)
            .map_err(|error| wrong(&format!("its metadata is no model manifest: {error}")))?;
        let content = match manifest.asset_id.as_deref().filter(|other| *other != asset) {
            Some(other) => {
                store.get(other).map_err(|error| format!("the asset `{other}` in `{database}`: {error}"))?.content
            }
            None => found.content,
        };
        let mut info = manifest.info();
        info.note("loadedAssetId", asset);
        info.note("assetDbPath", database.as_str());
        Ok(Found { info, manifest: Some(manifest), bytes: Some(self.models.of(&content)) })
    }

    fn load(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let Found { mut info, manifest, bytes } = self.find(tick)?;
        if let Some(manifest) = &manifest {
            match (manifest.check_license(self.allowed_licenses.as_deref()), &self.allowed_licenses) {
                (Err(why), None) => tick.node().log("warning", why.as_str()),
                (checked, _) => checked?,
            }
            if let Some(bytes) = &bytes {
                manifest.check(&bytes.bytes)?;
            }
        }
        if let Some(bytes) = &bytes {
            info.note("modelRef", &*bytes.digest);
            self.describe(&mut info, bytes)?;
        } else if info.outputs.is_none() {
            info.outputs = Some(default_outputs());
        }
        tick.write(Self::OUT_MODEL, info.to_value());
        if let Some(manifest) = manifest {
            tick.write(Self::OUT_MANIFEST, manifest.whole);
        }
        if let Some(bytes) = &bytes {
            tick.emit(Self::OUT_MODEL_DATA, Message::bytes_of(std::sync::Arc::clone(&bytes.bytes)));
        }
        Ok(())
    }

    /// Reads off the file what nobody said.
    fn describe(&self, info: &mut Info, bytes: &ModelBytes) -> Result<(), String> {
        let is_told = !matches!(info.backend, None | Some(Backend::Auto));
        if !is_told {
            info.backend = FileKind::of(&bytes.bytes).is_none().then_some(Backend::Mock);
        }
        if info.backend == Some(Backend::Mock) {
            info.outputs.get_or_insert_with(default_outputs);
            return Ok(());
        }
        if !is_told || info.inputs.is_empty() || info.outputs.is_none() {
            let engine = engine::load(info, Some(bytes), self.config.library())?;
            if !is_told {
                info.backend = Some(Backend::from_word(engine.backend())?);
            }
            if info.inputs.is_empty() {
                info.inputs = engine.inputs().to_vec();
            }
            info.outputs.get_or_insert_with(|| engine.outputs().to_vec());
        }
        Ok(())
    }
}

impl Actor for LoadModel {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.inputs().next().is_none() {
            // Nothing feeds the node: the config says it all, once.
            tick.finish();
        }
        match self.load(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}
