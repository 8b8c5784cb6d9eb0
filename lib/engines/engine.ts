import type Docker from 'dockerode';

/** Label of every container of a deployment; its value is the deployment's id. */
export const DEPLOYMENT_LABEL = 'dockbox.deployment';
/** Label that names a container's box, by id. */
export const BOX_LABEL = 'dockbox.id';

export const containerName = (id: string) => `dockbox-${id}`;
export const fetchContainerName = (id: string) => `dockbox-fetch-${id}`;

/** What an engine has to know of a box to run it. */
export type Runnable = { id: string; name: string; image: string };

export type BoxLimits = {
  memoryBytes: number;
  cpus: number;
  pids: number;
  /** An OCI runtime that the engine knows, such as `runsc`; undefined for the engine's default. */
  runtime?: string | undefined;
  /** Whose boxes' processes are: a user's and a group's id, such as `1000:1000`. */
  user: string;
};

/** Whose a container is, whether it runs, and whether it is there for the fetch alone. */
export type Owned = { boxId: string; running: boolean; fetches: boolean };

/** A box's container, and the Docker engine that has it: its execs are that engine's. */
export type Place = { docker: Docker; container: Docker.Container };

/** What has become of a place: of its machine, and of the box that was there. */
export type Whereabouts = 'there' | 'silent' | 'moved';

/**
 * What runs the containers of a deployment's boxes: one Docker engine, or many. Every operation may be repeated and may
 * race with another replica's: what is already so counts as done. Each throws {@link errors.EngineUnavailable} when the
 * engine does not answer.
 */
export interface Engine {
  readonly deployment: string;

  /** Whether terminals in boxes that run can be had. */
  ping(): Promise<void>;

  /** Whether boxes can be started, stopped and removed, too: in a swarm that is its manager's to say. */
  pingManager(): Promise<void>;

  /** Labels for a container that belongs to the box `id`. */
  labels(id: string): Record<string, string>;

  /**
   * Makes sure that the box's container runs: made again when it is missing, started when it is stopped.
   * @returns false when it ran already
   * @throws {@link errors.ImageUnavailable} when its image is gone or can't run a box; {@link errors.EngineFailed}
   */
  ensureRunning(box: Runnable): Promise<boolean>;

  stop(id: string): Promise<void>;

  /** Removes the box's container and, when one is at work, the container that fetches its source. */
  remove(id: string): Promise<void>;

  /** Removes the container that fetches, or has fetched, the box's source. */
  removeFetch(id: string): Promise<void>;

  /** The ids of boxes whose container runs. */
  runningBoxes(): Promise<Set<string>>;

  /** Whether the box's container runs. */
  isRunning(id: string): Promise<boolean>;

  /** Every container of the deployment's. */
  containers(): Promise<Owned[]>;

  /** Where the box's container is, or was last; undefined when nothing is known of one. It may be gone all the same. */
  place(id: string): Promise<Place | undefined>;

  /**
   * Whether a box that ran at a place may be found there: not so when the place's machine does not answer, or the box was
   * moved to another one. Connecting again helps then.
   */
  whereabouts(id: string, place: Place): Promise<Whereabouts>;

  /** A Docker engine for throw-away containers that need to see workspaces, and for images. */
  worker(): Promise<Docker>;
}
