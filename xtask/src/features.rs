//! Which combinations of features must compile, and which packages the default build must not pull in.

use serde_json::Value;

use crate::cargo::{self, cargo};

/// Packages that an application pays for only when it asks for their feature.
const DRIVERS: [&str; 2] = ["mongodb", "redis"];

/// The facade, whose default build is everybody's first build.
pub(crate) const FACADE: &str = "jvspatial";

/// One `cargo clippy` of one package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) package: String,
    pub(crate) features: Features,
}

/// The features that a [`Check`] turns on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Features {
    None,
    Only(String),
}

impl Check {
    /// The arguments of cargo for this check.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["clippy", "--lib", "--package", &self.package];
        match &self.features {
            Features::None => arguments.push("--no-default-features"),
            Features::Only(name) => {
                arguments.extend(["--no-default-features", "--features", name]);
            }
        }
        arguments.extend(["--", "-D", "warnings"]);
        arguments
    }
}

/// What `cargo metadata --no-deps` says of the workspace.
pub(crate) fn metadata() -> Result<String, String> {
    cargo::output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))
}

/// What `cargo metadata` says of one package.
struct Package {
    name: String,
    is_published: bool,
    /// All but `default`.
    features: Vec<String>,
}

fn packages(metadata: &str) -> Result<Vec<Package>, String> {
    let metadata: Value = serde_json::from_str(metadata)
        .map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
    let packages =
        metadata["packages"].as_array().ok_or("cargo metadata names no list of packages")?;
    let packages = packages.iter().map(|package| {
        let (name, features) = (package["name"].as_str()?, package["features"].as_object()?);
        let features = features.keys().filter(|feature| *feature != "default");
        Some(Package {
            name: name.to_owned(),
            // `publish = false` is an empty list of registries, no restriction is null.
            is_published: !package["publish"].as_array().is_some_and(Vec::is_empty),
            features: features.cloned().collect(),
        })
    });
    let packages: Option<Vec<_>> = packages.collect();
    packages
        .filter(|packages| packages.iter().any(|package| !package.features.is_empty()))
        .ok_or_else(|| "cargo metadata has a package without name or features".to_owned())
}

/// Every feature of every package, as `package/feature`.
///
/// Takes the output of [`metadata`].
pub(crate) fn all(metadata: &str) -> Result<Vec<String>, String> {
    let packages = packages(metadata)?;
    let features = packages.iter().flat_map(|Package { name, features, .. }| {
        features.iter().map(move |feature| format!("{name}/{feature}"))
    });
    Ok(features.collect())
}

/// For the facade: none of its features, and each alone, which builds the packages below it with theirs of the same name. For each
/// other published package: each feature that the facade does not have. All together are what the lints go over.
///
/// Takes the output of [`metadata`], so that a new feature needs no entry in a list.
pub(crate) fn checks(metadata: &str) -> Result<Vec<Check>, String> {
    let packages = packages(metadata)?;
    let facade = packages.iter().find(|package| package.name == FACADE);
    let above = facade.map_or(&[][..], |facade| &facade.features);
    let mut checks = Vec::new();
    for Package { name, features, .. } in packages.iter().filter(|package| package.is_published) {
        let check = |features| Check { package: name.clone(), features };
        let only = |feature: &String| check(Features::Only(feature.clone()));
        if name != FACADE {
            let own = features.iter().filter(|feature| !above.contains(feature));
            checks.extend(own.map(only));
            continue;
        }
        checks.push(check(Features::None));
        checks.extend(features.iter().map(only));
    }
    if checks.is_empty() {
        return Err("cargo metadata names no published package with features".to_owned());
    }
    Ok(checks)
}

/// Fails when a default build of the facade pulls in a driver.
///
/// Takes the output of `cargo tree --edges normal --prefix none`. Returns how many packages it names.
pub(crate) fn without_drivers(tree: &str) -> Result<usize, String> {
    let mut packages: Vec<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    packages.sort_unstable();
    packages.dedup();
    if !packages.contains(&FACADE) {
        return Err(format!("cargo tree does not name {FACADE}: its output is not understood"));
    }
    let found: Vec<&str> = DRIVERS.into_iter().filter(|driver| packages.contains(driver)).collect();
    if found.is_empty() {
        Ok(packages.len())
    } else {
        Err(format!("the default build of {FACADE} pulls in {}", found.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facade_is_checked_with_none_and_each_of_its_features_and_others_with_what_it_lacks() {
        let checks = checks(
            r#"{"packages": [
                {"name": "db", "publish": null,
                 "features": {"default": ["json"], "json": [], "cases": ["dep:tempfile"]}},
                {"name": "jvspatial", "publish": null,
                 "features": {"default": ["json"], "json": [], "mongo": ["db/mongo"]}},
                {"name": "macros", "publish": null, "features": {}},
                {"name": "benches", "publish": [], "features": {"peers": []}}
            ]}"#,
        )
        .unwrap();
        let lines: Vec<String> = checks.iter().map(|check| check.arguments().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "clippy --lib --package db --no-default-features --features cases -- -D warnings",
                "clippy --lib --package jvspatial --no-default-features -- -D warnings",
                "clippy --lib --package jvspatial --no-default-features --features json -- -D warnings",
                "clippy --lib --package jvspatial --no-default-features --features mongo -- -D warnings",
            ]
        );
    }

    #[test]
    fn every_feature_is_named_with_its_package() {
        let metadata = r#"{"packages": [
            {"name": "db", "publish": null, "features": {"default": ["json"], "json": []}},
            {"name": "benches", "publish": [], "features": {"peers": [], "redis": []}}
        ]}"#;
        assert_eq!(all(metadata).unwrap(), ["db/json", "benches/peers", "benches/redis"]);
    }

    #[test]
    fn metadata_that_is_not_understood_fails() {
        for metadata in ["", "{}", r#"{"packages": []}"#, r#"{"packages": [{"name": 1}]}"#] {
            assert!(checks(metadata).is_err(), "{metadata}");
        }
    }

    #[test]
    fn a_default_build_without_drivers_passes() {
        let tree = "jvspatial v0.1.0 (/somewhere)\nserde v1.0.0\nserde v1.0.0 (*)\n";
        assert_eq!(without_drivers(tree), Ok(2));
    }

    #[test]
    fn a_default_build_with_a_driver_fails_and_names_it() {
        let tree = "jvspatial v0.1.0 (/somewhere)\nmongodb v3.8.0\nredis v1.7.0\n";
        let reason = without_drivers(tree).unwrap_err();
        assert!(reason.ends_with("pulls in mongodb and redis"), "{reason}");
    }

    #[test]
    fn names_that_only_begin_like_a_driver_are_not_drivers() {
        let tree = "jvspatial v0.1.0 (/somewhere)\nredis-test v1.0.0\nmongodb-internal v0.1.0\n";
        assert_eq!(without_drivers(tree), Ok(3));
    }

    #[test]
    fn a_tree_that_is_not_understood_fails() {
        assert!(without_drivers("").is_err());
        assert!(without_drivers("├── serde v1.0.0\n").is_err());
    }
}
